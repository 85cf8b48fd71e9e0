// What the pages of components share: messages to Streamlit, and the colours of its theme in charts.
"use strict";

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
