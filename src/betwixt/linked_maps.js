// Two maps of the same pictures. `element`, `props`, `watch` and `trigger` are those of Gradio's gr.HTML.
const LEAST = 9, MOST = 110, FARTHEST = 40; // widths of a picture on the map in pixels; the strongest enlargement
const VISITOR = -1; // the index of the picture that a visitor brought
const MANY = 1200, SETTLED = 150, SELDOM = 500; // pictures, too many to paint at every frame; milliseconds
const REDUCED = matchMedia("(prefers-reduced-motion: reduce)").matches;

const root = element.querySelector(".linked-maps");
const told = root.querySelector(".told");
let data = null, sheet = null, sheetKey = null, guest = null, lit = null, chosen = null, scheduled = false;

class View {
  constructor(figure, side) {
    this.side = side;
    this.caption = figure.querySelector("figcaption");
    this.canvas = figure.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.shown = null; // positions as they are drawn, on their way to where they belong
    this.still = document.createElement("canvas"); // all pictures as last painted, of this view or an earlier one
    this.painted = null; // of which zoom, x and y; null: nothing that may still be shown
    this.paintedAt = this.movedAt = 0;
    this.home();
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    figure.querySelector("button").addEventListener("click", () => { this.home(); draw(); });
  }

  home() { this.zoom = 1; this.x = this.y = 0; this.yield(); }

  yield() { this.canvas.style.touchAction = this.zoom > 1 ? "none" : ""; } // a map that fits lets the page scroll

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return; // its tab is hidden, or its style not there yet
    const ratio = Math.min(devicePixelRatio || 1, 2);
    if (this.width) { this.x *= width / this.width; this.y *= height / this.height; }
    this.width = width; this.height = height; this.ratio = ratio;
    for (const canvas of [this.canvas, this.still]) { canvas.width = width * ratio; canvas.height = height * ratio; }
    this.painted = null;
    this.hold();
    draw();
  }

  take(positions) {
    const before = this.shown;
    this.shown = positions.map((position) => [...position]);
    this.painted = null;
    if (!before || before.length !== positions.length || REDUCED || positions.length > MANY) return;
    const started = performance.now();
    const glide = (now) => {
      if (data?.maps[this.side].positions !== positions) return; // newer ones came
      const t = Math.min(1, (now - started) / 600), eased = 1 - (1 - t) ** 3;
      positions.forEach((end, i) => {
        this.shown[i][0] = before[i][0] + (end[0] - before[i][0]) * eased;
        this.shown[i][1] = before[i][1] + (end[1] - before[i][1]) * eased;
      });
      this.painted = null;
      draw();
      if (t < 1) requestAnimationFrame(glide);
    };
    requestAnimationFrame(glide);
  }

  tile() {
    const [width, height] = data.tile;
    const room = Math.sqrt((this.width * this.height) / data.names.length) * 0.8;
    const wide = Math.min(MOST, Math.max(LEAST, Math.min(34, room)) * Math.sqrt(this.zoom));
    return [wide, (wide * height) / width];
  }

  place([x, y]) { // positions are in [0, 1]
    const margin = 0.06, span = 1 - 2 * margin;
    return [
      (margin + x * span) * this.width * this.zoom + this.x, (margin + y * span) * this.height * this.zoom + this.y,
    ];
  }

  positionOf(index) { return index === VISITOR ? data.guest.positions[this.side] : this.shown[index]; }

  paint() {
    if (!this.width || !data || !this.shown) return;
    const { context } = this, [wide, high] = this.tile(), near = lit === null ? [] : neighboursOf(lit, this.side);
    const by = this.refresh();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.globalAlpha = lit === null ? 1 : 0.3;
    context.drawImage(
      this.still, (this.x - this.painted.x * by) * this.ratio, (this.y - this.painted.y * by) * this.ratio,
      this.still.width * by, this.still.height * by,
    );
    context.globalAlpha = 1;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (lit !== null) {
      const [x, y] = this.place(this.positionOf(lit));
      context.strokeStyle = style("--ink"); context.lineWidth = 1.5;
      context.beginPath();
      for (const i of near) { context.moveTo(x, y); context.lineTo(...this.place(this.shown[i])); }
      context.stroke();
    }
    for (const i of near) if (i !== lit) this.picture(context, i, wide * 1.25, high * 1.25);
    if (lit !== null && lit >= 0) this.picture(context, lit, wide * 1.8, high * 1.8, "--lit");
    if (data.guest) this.picture(context, VISITOR, wide * 1.8, high * 1.8, "--lit");
  }

  refresh() { // paint all pictures, if need be; how much larger this view is than the one that is painted
    const { painted, still } = this, now = performance.now();
    if (painted && painted.zoom === this.zoom && painted.x === this.x && painted.y === this.y) return 1;
    // While a map of thousands moves, most frames show it as it was, stretched.
    const moves = now - this.movedAt < SETTLED && now - this.paintedAt < SELDOM;
    if (painted && moves && this.shown.length > MANY) {
      setTimeout(draw, SETTLED);
      return this.zoom / painted.zoom;
    }
    const context = still.getContext("2d"), [wide, high] = this.tile();
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    for (let i = 0; i < this.shown.length; i++) this.picture(context, i, wide, high);
    this.painted = { zoom: this.zoom, x: this.x, y: this.y };
    this.paintedAt = performance.now();
    return 1;
  }

  picture(context, index, wide, high, frame) {
    const [x, y] = this.place(this.positionOf(index)), left = x - wide / 2, top = y - high / 2;
    if (left > this.width || top > this.height || left + wide < 0 || top + high < 0) return;
    const [width, height] = data.tile;
    if (index === VISITOR) { if (guest) context.drawImage(guest, left, top, wide, high); }
    else if (sheet) {
      const column = index % data.columns, row = Math.floor(index / data.columns);
      context.drawImage(sheet, column * width, row * height, width, height, left, top, wide, high);
    }
    const group = index === VISITOR ? undefined : data.groups?.[index];
    if (!frame && group === undefined) return;
    context.lineWidth = frame ? 3 : Math.max(1.5, wide / 14);
    context.strokeStyle = frame ? style(frame) : data.frames[group % data.frames.length];
    context.strokeRect(left, top, wide, high);
  }

  at(event) { // the picture under the pointer, or the nearest that it almost touches
    if (!data || !this.shown || !this.width) return null;
    const box = this.canvas.getBoundingClientRect(), [wide, high] = this.tile();
    const px = event.clientX - box.left, py = event.clientY - box.top;
    let found = null, best = Infinity;
    for (let i = data.guest ? VISITOR : 0; i < this.shown.length; i++) {
      const [x, y] = this.place(this.positionOf(i)), dx = Math.abs(x - px) / wide, dy = Math.abs(y - py) / high;
      const away = Math.max(dx, dy);
      if (away < 0.75 && away < best) { best = away; found = i; }
    }
    return found;
  }

  zoomBy(factor, px, py) {
    const zoom = Math.min(FARTHEST, Math.max(1, this.zoom * factor)), by = zoom / this.zoom;
    this.x = px - (px - this.x) * by; this.y = py - (py - this.y) * by; this.zoom = zoom;
    this.yield();
    this.moveBy(0, 0);
    return by !== 1;
  }

  moveBy(dx, dy) {
    this.x += dx; this.y += dy;
    this.movedAt = performance.now();
    this.hold();
    draw();
  }

  hold() { // the map never leaves the frame
    this.x = Math.min(0, Math.max(this.width * (1 - this.zoom), this.x));
    this.y = Math.min(0, Math.max(this.height * (1 - this.zoom), this.y));
  }

  listen() {
    const { canvas } = this, pointers = new Map();
    let moved = 0;
    canvas.addEventListener("wheel", (event) => {
      const box = canvas.getBoundingClientRect(), factor = Math.exp(-event.deltaY * 0.0015);
      if (this.zoomBy(factor, event.clientX - box.left, event.clientY - box.top)) event.preventDefault();
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      if (pointers.size === 1) moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) { light(this.at(event)); return; }
      const now = [event.clientX, event.clientY], other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      moved += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
      pointers.set(event.pointerId, now);
      if (other) {
        const box = canvas.getBoundingClientRect(), apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
        if (this.zoom > 1) this.moveBy((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
        this.zoomBy(
          apart(now) / Math.max(1, apart(before)), (now[0] + other[0]) / 2 - box.left, (now[1] + other[1]) / 2 - box.top,
        );
      } else if (this.zoom > 1) this.moveBy(now[0] - before[0], now[1] - before[1]);
    });
    const release = (event) => {
      if (pointers.delete(event.pointerId) && event.type === "pointerup" && moved < 6) choose(this.at(event));
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => light(chosen));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => light(chosen));
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!data) return;
    if (steps[event.key]) this.step(...steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") choose(lit);
    else if (event.key === "Escape") choose(null);
    else if (event.key === "+" || event.key === "-")
      this.zoomBy(event.key === "+" ? 1.4 : 1 / 1.4, ...this.middle());
    else return;
    event.preventDefault();
  }

  middle() { return lit === null ? [this.width / 2, this.height / 2] : this.place(this.positionOf(lit)); }

  step(dx, dy) { // to the nearest picture in that direction
    if (lit === null) { light(0); return; }
    const [x, y] = this.place(this.positionOf(lit));
    let found = lit, best = Infinity;
    for (let i = data.guest ? VISITOR : 0; i < this.shown.length; i++) {
      const [px, py] = this.place(this.positionOf(i)), along = (px - x) * dx + (py - y) * dy;
      const across = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
      const away = along + 2 * across;
      if (i !== lit && along > 0 && across <= along * 2 && away < best) { best = away; found = i; }
    }
    const [px, py] = this.place(this.positionOf(found)), edge = 20;
    this.moveBy( // until it is in the frame
      Math.max(0, edge - px) - Math.max(0, px + edge - this.width),
      Math.max(0, edge - py) - Math.max(0, py + edge - this.height),
    );
    light(found);
  }
}

const views = [...root.querySelectorAll("figure")].map((figure, side) => new View(figure, side));

function style(name) { return getComputedStyle(root).getPropertyValue(name).trim(); }
function nameOf(index) { return index === VISITOR ? data.guest.name : data.names[index]; }
function neighboursOf(index, side) {
  return index === VISITOR ? data.guest.neighbours[side] : data.maps[side].neighbours[index];
}

function light(index) {
  if (index === lit) return;
  lit = index;
  tell();
  draw();
}

function choose(index) {
  chosen = index;
  light(index);
  trigger("select", { index: index >= 0 ? index : null });
}

function tell() {
  if (!data) return;
  if (lit === null) { told.textContent = data.hint; return; }
  const lines = data.maps.map(
    (map, side) => `by ${map.title}: ${neighboursOf(lit, side).map((i) => data.names[i]).join(", ")}`,
  );
  told.textContent = `${nameOf(lit)}. Nearest ${lines.join("; ")}.`;
}

function draw() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => { scheduled = false; views.forEach((view) => view.paint()); });
}

function load(source) {
  const image = new Image();
  image.onload = () => { views.forEach((view) => (view.painted = null)); draw(); };
  image.src = source;
  return image;
}

function take() {
  const value = props.value;
  if (!value?.maps) return;
  const same = data && data.key === value.key;
  data = value;
  if (value.sheet && value.key !== sheetKey) { sheet = load(value.sheet); sheetKey = value.key; }
  guest = value.guest ? load(value.guest.picture) : null;
  if (!same) { lit = chosen = null; views.forEach((view) => view.home()); }
  if (!guest && chosen === VISITOR) chosen = null;
  if (!guest && lit === VISITOR) lit = null;
  if (value.guest) lit = chosen = VISITOR;
  value.maps.forEach((map, side) => {
    views[side].caption.textContent = map.title;
    views[side].canvas.setAttribute(
      "aria-label",
      `Map of ${value.names.length} pictures by ${map.title}. Arrow keys go from picture to picture, ` +
        "Enter chooses one, plus and minus zoom.",
    );
    views[side].take(map.positions);
  });
  tell();
  draw();
}

root.measure = (frames) => new Promise((done) => { // how many frames of a zooming map are painted in a second
  const [view] = views, started = performance.now();
  let count = 0;
  const next = () => {
    view.zoomBy(count % 40 < 20 ? 1.05 : 1 / 1.05, view.width / 2, view.height / 2);
    if (++count < frames) requestAnimationFrame(next);
    else done((count / (performance.now() - started)) * 1000);
  };
  requestAnimationFrame(next);
});
watch("value", take);
take();
