"use strict";
// Draws the charts of a page from the tables that hold their figures. Without this file the tables are shown.
(() => {
  const source = document.currentScript.dataset.charts;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();
  let loading = null;

  const library = () => loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = () => resolve(window.echarts);
    script.onerror = reject;
    document.head.append(script);
  });

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Okabe and Ito's colours, which people with colour-blindness tell apart, without yellow and black.
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

  const figures = (figure) => {
    const table = figure.querySelector("table");
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell, place) => {
      if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
      return place === 0 || !cell.querySelector(".none") ? cell.textContent.trim() : null;
    }));
    return {heads, rows};
  };

  const text = () => ({color: colour("--soft"), fontFamily: "inherit"});
  const number = new Intl.NumberFormat(document.documentElement.lang, {maximumFractionDigits: 3});
  const axis = (more) => ({
    axisLabel: {...text(), hideOverlap: true}, axisLine: {lineStyle: {color: colour("--line")}},
    splitLine: {lineStyle: {color: colour("--faint")}}, ...more,
  });
  const grid = (legend) => ({left: 8, right: 16, top: legend ? 40 : 16, bottom: 8, containLabel: true});

  const series = (kind, {heads, rows}) => {
    const names = rows.map((row) => row[0]);
    const totals = rows.map((row) => row.slice(1).reduce((sum, value) => sum + (value || 0), 0));
    const isShare = kind === "share", isLine = kind === "line", isAcross = kind === "bars";
    const own = heads.slice(1).map((name, place) => ({
      name, type: isLine ? "line" : "bar", stack: isShare || kind === "stack" ? "all" : undefined,
      data: rows.map((row, n) => isShare && totals[n] ? row[place + 1] / totals[n] : row[place + 1]),
      showSymbol: rows.length < 40, connectNulls: false,
    }));
    const category = axis({type: "category", data: isAcross ? names : names, inverse: isAcross, splitLine: {show: false}});
    const value = axis({type: "value", max: isShare ? 1 : undefined});
    value.axisLabel.formatter = (found) => isShare ? `${Math.round(found * 100)} %` : number.format(found);
    return {
      grid: grid(own.length > 1), legend: own.length > 1 ? {top: 0, type: "scroll", textStyle: text()} : undefined,
      xAxis: isAcross ? value : category, yAxis: isAcross ? category : value, series: own,
      tooltip: {trigger: "axis", renderMode: "richText", confine: true,
        valueFormatter: (found) => isShare ? `${(found * 100).toFixed(1)} %` : number.format(found)},
    };
  };

  const onColour = () => ({color: colour("--ink"), textBorderColor: colour("--paper"), textBorderWidth: 3});
  const tooltip = {renderMode: "richText", confine: true};
  const OPTIONS = {
    funnel: ({rows}) => ({tooltip, series: [{
      type: "funnel", sort: "none", left: 8, right: 8, top: 8, bottom: 8, minSize: "2%",
      label: {position: "inside", ...text(), ...onColour(), formatter: (one) => `${one.name}: ${number.format(one.value)}`},
      labelLayout: {hideOverlap: true}, data: rows.map(([name, value]) => ({name, value})),
    }]}),
    sankey: ({rows}) => ({tooltip, series: [{
      type: "sankey", left: 8, right: 120, top: 8, bottom: 8, label: {...text(), ...onColour()},
      lineStyle: {color: "gradient", opacity: 0.35}, draggable: false,
      data: [...new Set(rows.flatMap(([from, to]) => [from, to]))].map((name) => ({name})),
      links: rows.map(([source, target, value]) => ({source, target, value})),
    }]}),
    heat: ({rows}) => {
      const down = [...new Set(rows.map((row) => row[0]))], across = [...new Set(rows.map((row) => row[1]))];
      const values = rows.map((row) => row[2]).filter((value) => value !== null);
      return {
        tooltip, grid: {...grid(false), bottom: 56}, xAxis: axis({type: "category", data: across}),
        yAxis: axis({type: "category", data: down, inverse: true}),
        visualMap: {min: Math.min(0, ...values), max: Math.max(...values), calculable: false, orient: "horizontal",
          left: "center", bottom: 0, textStyle: text(), inRange: {color: [colour("--ground"), COLOURS[0]]}},
        series: [{type: "heatmap", data: rows.map(([row, column, value]) => [column, row, value]), label: {show: false}}],
      };
    },
  };

  const draw = async (figure) => {
    const echarts = await library();
    if (!figure.isConnected) return;
    let chart = drawn.get(figure);
    if (!chart) {
      const plot = document.createElement("div");
      plot.className = "plot";
      plot.setAttribute("role", "img");
      plot.setAttribute("aria-label", figure.querySelector("figcaption").textContent.trim());
      figure.querySelector("figcaption").after(plot);
      figure.querySelector("details").open = false;
      chart = echarts.init(plot);
      drawn.set(figure, chart);
      new ResizeObserver(() => chart.resize()).observe(plot);
    }
    const kind = figure.dataset.chart, found = figures(figure);
    const option = OPTIONS[kind] ? OPTIONS[kind](found) : series(kind, found);
    chart.setOption({animation: false, color: COLOURS, textStyle: {fontFamily: getComputedStyle(document.body).fontFamily},
      ...option}, true);
    figure.dataset.drawn = kind;
  };

  const drawAll = () => {
    for (const [figure, chart] of drawn) if (!figure.isConnected) { chart.dispose(); drawn.delete(figure); }
    document.querySelectorAll("figure[data-chart]").forEach((figure) => draw(figure).catch(() => {}));
  };
  dark.addEventListener("change", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  // A session that has ended answers a part of a page with the address of the sign-in; errors replace the whole page.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status >= 400) location.reload();
  });
  drawAll();
})();
