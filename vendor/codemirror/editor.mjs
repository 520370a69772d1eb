// The Markdown editor of the studio: CodeMirror with what an issue needs, and nothing else.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { markdown, markdownLanguage } from "@codemirror/lang-markdown";
import { yamlFrontmatter } from "@codemirror/lang-yaml";
import { bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorSelection, EditorState, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration, EditorView, drawSelection, highlightActiveLine, highlightSpecialChars, keymap,
  lineNumbers,
} from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

const setMarks = StateEffect.define();
const fromDisk = StateEffect.define(); // on a change that no person made here

const marks = StateField.define({
  create: () => Decoration.none,
  update(value, transaction) {
    value = value.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) value = decorations(transaction.state.doc, effect.value);
    }
    return value;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function decorations(text, findings) {
  const worst = new Map();
  const order = ["info", "warning", "error"];
  for (const { line, severity, message } of findings) {
    if (line < 1 || line > text.lines) continue;
    const before = worst.get(line);
    worst.set(line, {
      severity: before && order.indexOf(before.severity) > order.indexOf(severity)
        ? before.severity : severity,
      title: before ? `${before.title}\n${message}` : message,
    });
  }
  return Decoration.set([...worst].sort(([a], [b]) => a - b).map(([line, { severity, title }]) =>
    Decoration.line({ class: `cm-finding cm-${severity}`, attributes: { title } })
      .range(text.line(line).from)));
}

/**
 * An editor in `parent`. `changed` is called at each change of a person, `save` at Ctrl-S or
 * Command-S, `picture` with each picture that is pasted or dropped: what they resolve to is put there,
 * in their order, wherever that place is by then.
 */
export function createEditor({ parent, text, label, nonce, changed, save, picture }) {
  const places = new Set(); // where pictures will be put
  const take = (files, view, { from, to }) => {
    const pictures = [...files].filter((file) => file.type.startsWith("image/"));
    if (!pictures.length) return false;
    const place = { from, to };
    places.add(place);
    Promise.all(pictures.map(picture)).then((words) => {
      places.delete(place);
      const all = words.filter(Boolean).join("\n\n");
      if (all) insert(view, all, place);
    });
    return true;
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), history(), highlightSpecialChars(), drawSelection(), bracketMatching(),
        highlightActiveLine(), highlightSelectionMatches(), search({ top: true }), marks,
        EditorView.lineWrapping, EditorView.cspNonce.of(nonce),
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "true", dir: "auto", tabindex: "0" }),
        EditorView.perLineTextDirection.of(true),
        yamlFrontmatter({ content: markdown({ base: markdownLanguage }) }),
        syntaxHighlighting(classHighlighter),
        keymap.of([
          { key: "Mod-s", preventDefault: true, run: () => { save(); return true; } },
          { key: "Escape", run: (view) => { view.contentDOM.blur(); return true; } },
          { key: "Mod-b", run: (view) => wrap(view, "**") },
          { key: "Mod-i", run: (view) => wrap(view, "*") },
          ...searchKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab,
        ]),
        EditorView.updateListener.of((update) => {
          for (const place of places) {
            place.from = update.changes.mapPos(place.from, 1);
            place.to = Math.max(place.from, update.changes.mapPos(place.to, -1));
          }
          const isOwn = (each) => each.effects.some((effect) => effect.is(fromDisk));
          if (update.transactions.some((each) => each.docChanged && !isOwn(each))) changed();
        }),
        EditorView.domEventHandlers({
          paste: (event, view) => take(event.clipboardData?.files ?? [], view, view.state.selection.main),
          drop: (event, view) => {
            const at = view.posAtCoords({ x: event.clientX, y: event.clientY }, false);
            const taken = take(event.dataTransfer?.files ?? [], view, { from: at, to: at });
            if (taken) event.preventDefault();
            return taken;
          },
        }),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    replace: (words) => replace(view, words),
    mark: (findings) => view.dispatch({ effects: setMarks.of(findings) }),
    goTo: (line) => goTo(view, line),
    line: () => view.state.doc.lineAt(view.state.selection.main.head).number,
    focus: () => view.focus(),
  };
}

/** Put another text there and change only what differs, so that the cursor stays where it is. */
function replace(view, words) {
  const old = view.state.doc.toString();
  if (old === words) return;
  let from = 0;
  const most = Math.min(old.length, words.length);
  while (from < most && old[from] === words[from]) from++;
  let end = 0;
  while (end < most - from && old[old.length - 1 - end] === words[words.length - 1 - end]) end++;
  view.dispatch({
    changes: { from, to: old.length - end, insert: words.slice(from, words.length - end) },
    effects: fromDisk.of(null),
  });
}

function insert(view, words, { from, to }) {
  view.dispatch({
    changes: { from, to, insert: words },
    selection: { anchor: from + words.length },
    scrollIntoView: true,
  });
  view.focus();
}

function goTo(view, number) {
  const line = view.state.doc.line(Math.max(1, Math.min(number, view.state.doc.lines)));
  view.dispatch({
    selection: { anchor: line.from },
    effects: EditorView.scrollIntoView(line.from, { y: "center" }),
  });
  view.focus();
}

function wrap(view, sign) {
  view.dispatch(view.state.changeByRange((range) => ({
    changes: [{ from: range.from, insert: sign }, { from: range.to, insert: sign }],
    range: EditorSelection.range(range.anchor + sign.length, range.head + sign.length),
  })));
  return true;
}
