// Draws what fer/ui/plots.py sends. Plotly.react changes a chart in place, and with the same `uirevision` its zoom and
// the lines switched off in its legend stay as they are.
"use strict";

const config = { displayModeBar: false, responsive: true };
const place = document.getElementById("charts");

function tell(type, content) {
  window.parent.postMessage({ isStreamlitMessage: true, type, ...content }, "*");
}

// Charts on a page of either theme: no ground of their own, text and lines from the theme.
function inTheme(layout, theme) {
  const text = theme?.textColor ?? "#31333f";
  const lines = theme?.base === "dark" ? "rgba(250,250,250,0.16)" : "rgba(49,51,63,0.12)";
  const axis = { gridcolor: lines, zerolinecolor: lines, linecolor: lines };
  return {
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { ...layout.font, color: text, family: theme?.font ?? "sans-serif" },
    hoverlabel: { bgcolor: theme?.backgroundColor ?? "#ffffff", font: { color: text } },
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
}

function draw(charts, theme) {
  while (place.children.length > charts.length) {
    Plotly.purge(place.lastChild);
    place.lastChild.remove();
  }
  charts.forEach((chart, index) => {
    let div = place.children[index];
    if (!div) {
      div = document.createElement("div");
      div.setAttribute("role", "img");
      place.appendChild(div);
    }
    div.id = chart.name;
    div.setAttribute("aria-label", chart.alt);
    const figure = JSON.parse(chart.figure);
    Plotly.react(div, figure.data, inTheme(figure.layout, theme), config);
  });
}

window.addEventListener("message", (event) => {
  if (event.data.type === "streamlit:render") {
    draw(event.data.args.charts, event.data.theme);
  }
});

new ResizeObserver(() => tell("streamlit:setFrameHeight", { height: place.scrollHeight })).observe(place);
tell("streamlit:componentReady", { apiVersion: 1 });
