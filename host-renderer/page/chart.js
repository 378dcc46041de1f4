// A line over the last two minutes, as SVG. It takes one value a look, null for none, and draws a gap there.
const kPoints = 120;
const kWidth = 240;
const kHeight = 90;
const kNames = "http://www.w3.org/2000/svg";

function svg(name, attributes, parent) {
  const made = document.createElementNS(kNames, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

// The least of 1, 2, 5, 10, 20, … that is not below.
function roundUp(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= value) ?? 10 * unit;
}

export class Chart {
  // `least`: the scale's top is at least this.
  constructor(figure, least) {
    this.output = figure.querySelector("output");
    this.least = least;
    this.values = [];
    this.svg = svg("svg", {viewBox: `0 0 ${kWidth} ${kHeight}`, preserveAspectRatio: "none", "aria-hidden": "true"}, figure);
    for (const part of [0, 0.5]) {
      const y = 1 + part * (kHeight - 1);
      svg("line", {class: "grid", x1: 0, x2: kWidth, y1: y, y2: y}, this.svg);
    }
    this.area = svg("path", {class: "area"}, this.svg);
    this.curve = svg("path", {class: "curve"}, this.svg);
    const scale = document.createElement("div");
    scale.className = "scale";
    this.top = document.createElement("span");
    const span = document.createElement("span");
    span.textContent = "last 2 min";
    scale.append(this.top, span);
    figure.append(scale);
  }

  add(value, text) {
    this.output.textContent = text;
    this.values.push(value);
    if (this.values.length > kPoints) this.values.shift();
    const top = roundUp(Math.max(this.least, ...this.values.filter((each) => each !== null)));
    this.top.textContent = `top: ${top}`;
    this.draw(top);
  }

  empty() {
    return this.values.every((value) => value === null);
  }

  draw(top) {
    let curve = "";
    let area = "";
    let begin = null;
    let last = 0;
    const end = () => {
      if (begin !== null) area += `L${last} ${kHeight}L${begin} ${kHeight}Z`;
      begin = null;
    };
    this.values.forEach((value, index) => {
      if (value === null) return end();
      const x = kWidth - (this.values.length - 1 - index) * (kWidth / (kPoints - 1));
      const y = kHeight - Math.min(value / top, 1) * (kHeight - 2);
      const point = `${begin === null ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
      begin ??= x.toFixed(1);
      last = x.toFixed(1);
      curve += point;
      area += point;
    });
    end();
    this.curve.setAttribute("d", curve);
    this.area.setAttribute("d", area);
  }
}
