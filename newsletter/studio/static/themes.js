import { keys, listen } from "./common.js";

const frames = [...document.querySelectorAll("iframe")];
const options = [...document.querySelectorAll('input[name="look"]')];

function show() {
  const look = options.find((option) => option.checked).value;
  for (const frame of frames) frame.src = `${frame.dataset.path}?look=${look}`;
}

/** Each mail 640 pixels wide, scaled to its card. */
function fit() {
  for (const frame of frames) {
    const { clientWidth, clientHeight } = frame.parentElement;
    const scale = clientWidth / 640;
    frame.style.height = `${clientHeight / scale}px`;
    frame.style.transform = `scale(${scale})`;
  }
}

options.forEach((option) => option.addEventListener("change", show));
new ResizeObserver(fit).observe(document.body);
fit();
keys({
  d: () => {
    options[(options.findIndex((option) => option.checked) + 1) % options.length].checked = true;
    show();
  },
  u: () => document.querySelector(".back").click(),
});
listen(({ everything }) => everything && show(), () => {});
