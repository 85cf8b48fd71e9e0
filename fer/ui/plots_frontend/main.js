// Draws what fer/ui/plots.py sends. Plotly.react changes a chart in place, and with the same `uirevision` its zoom and
// the lines switched off in its legend stay as they are.
"use strict";

const config = { displayModeBar: false, responsive: true };
const place = document.getElementById("charts");

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
