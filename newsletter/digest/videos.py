"""The addresses of videos, in the forms that the sites offer for sharing."""

import re
from urllib.parse import urlsplit

# For each host without www., m. and the like, how the path with its query begins.
_SHAPES = {
    "youtube.com": (
        r"/watch\?(?:[^#]*&)?v=[\w-]|/(?:shorts|live|embed|v|clip)/[\w-]|/playlist\?list="
    ),
    "youtube-nocookie.com": r"/embed/[\w-]",
    "youtu.be": r"/[\w-]{6,}",
    "vimeo.com": r"/(?:channels/[\w-]+/|groups/[\w-]+/videos/|ondemand/[\w-]+/|event/|video/)?\d+",
    "dailymotion.com": r"/(?:embed/)?video/\w",
    "dai.ly": r"/\w",
    "twitch.tv": r"/videos/\d+|/[\w-]+/clip/\w",
    "clips.twitch.tv": r"/\w",
    "tiktok.com": r"/@[\w.-]+/video/\d+",
    "loom.com": r"/(?:share|embed)/\w",
    "ted.com": r"/talks/\w",
    "streamable.com": r"/\w",
    "bilibili.com": r"/video/(?:BV|av)\w",
    "b23.tv": r"/\w",
    "v.qq.com": r"/x/(?:page|cover)/\w",
    "youku.com": r"/v_show/id_",
    "nicovideo.jp": r"/watch/\w",
    "rutube.ru": r"/(?:video|shorts|play/embed)/\w",
}
_HOSTS = {host: re.compile(shape) for host, shape in _SHAPES.items()}
_PREFIX = re.compile(r"(?:www|m|music|player|embed|geo)\.")


def is_video(url: str) -> bool:
    """Whether a web address leads to one video, or to a list of some."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    shape = _HOSTS.get(host) or _HOSTS.get(_PREFIX.sub("", host, count=1))
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return parts.scheme in ("http", "https") and shape is not None and bool(shape.match(target))
