// Shows what fer/ui/video/player.py sends, and goes to the moment that is clicked or wished for.
"use strict";

const config = { displayModeBar: false, responsive: true };
const all = document.getElementById("all");
const video = document.getElementById("video");
const timeline = document.getElementById("timeline");
let address = null;
let wish = 0;
let color = "#4f46e5";

function mark(seconds) {
  const line = { type: "line", x0: seconds, x1: seconds, y0: 0, y1: 1, yref: "paper", line: { color, width: 2 } };
  Plotly.relayout(timeline, { shapes: [line] });
}

function goTo(seconds) {
  mark(seconds);
  if (!video.hidden) {
    video.currentTime = seconds;
  }
}

function load(next, name) {
  video.setAttribute("aria-label", name);
  if (next === address) {
    return;
  }
  address = next;
  video.hidden = next === null;
  if (next !== null) {
    // Relative to the page, which may be served below a path.
    video.src = new URL(next, window.parent.location.href).href;
  }
}

async function draw(args, theme) {
  color = theme?.primaryColor ?? color;
  load(args.address, args.name);
  timeline.setAttribute("aria-label", args.alt);
  const figure = JSON.parse(args.figure);
  await Plotly.react(timeline, figure.data, inTheme(figure.layout, theme), config);
  timeline.removeAllListeners("plotly_click");
  timeline.on("plotly_click", (event) => goTo(event.points[0].x));
  if (args.moment && args.moment.wish !== wish) {
    wish = args.moment.wish;
    window.frameElement.scrollIntoView({ block: "nearest", behavior: "smooth" });
    goTo(args.moment.seconds);
  } else if (!video.hidden) {
    mark(video.currentTime);
  }
}

video.addEventListener("timeupdate", () => mark(video.currentTime));
window.addEventListener("message", (event) => {
  if (event.data.type === "streamlit:render") {
    draw(event.data.args, event.data.theme);
  }
});

new ResizeObserver(() => tell("streamlit:setFrameHeight", { height: all.scrollHeight })).observe(all);
tell("streamlit:componentReady", { apiVersion: 1 });
