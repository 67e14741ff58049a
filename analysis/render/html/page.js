"use strict";
/* Draws the timelines, and sorts, searches and copies the tables. Everything that a
   trace holds is set as text. */
(() => {
  const UNITS = [["ns", 1], ["\u00b5s", 1e3], ["ms", 1e6], ["s", 1e9]];

  /* ---- figures ------------------------------------------------------------------ */
  function time(ns) {
    const size = Math.abs(ns);
    if (size < 1000 && Number.isInteger(ns)) return `${ns} ns`;
    let place = 0;
    while (place < 3 && Number((size / UNITS[place][1]).toPrecision(3)) >= 1000) place += 1;
    const value = ns / UNITS[place][1];
    const decimals = Math.min(2, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1))));
    return `${value.toFixed(decimals)} ${UNITS[place][0]}`;
  }
  const share = (part) => `${(100 * part).toFixed(1)}%`;

  function node(name, text, cls) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (cls) made.className = cls;
    return made;
  }

  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = node("textarea");
      area.value = text;
      area.className = "hidden";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  }

  /* ---- tables ------------------------------------------------------------------- */
  function csvCell(text) {
    // A spreadsheet must not take a name for a formula.
    const safe = /^[=+\-@\t\r]/.test(text) && !/^-?[\d.,]+\S*$/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function sortable(table) {
    const body = table.tBodies[0];
    const key = (row, column) => {
      const cell = row.cells[column];
      return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
    };
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = node("button", head.textContent);
      button.type = "button";
      head.textContent = "";
      head.append(button);
      button.addEventListener("click", () => {
        const numeric = head.classList.contains("n");
        const before = head.getAttribute("aria-sort");
        const down = before ? before === "ascending" : numeric;
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [key(row, column), row]);
        const absent = (value) => numeric && typeof value === "string";
        rows.sort(([a], [b]) => {
          if (absent(a) || absent(b)) return absent(a) - absent(b);
          const order = typeof a === "number" ? a - b : a.localeCompare(b);
          return down ? -order : order;
        });
        body.append(...rows.map(([, row]) => row));
      });
    });
  }

  function tools(sheet) {
    const table = sheet.querySelector("table");
    const said = sheet.querySelector(".said");
    const field = sheet.querySelector("input");
    const rows = [...table.tBodies[0].rows];
    field?.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        shown += !row.hidden;
      }
      said.textContent = wanted ? `${shown} of ${rows.length} rows` : "";
    });
    sheet.querySelector(".csv").addEventListener("click", async () => {
      const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
      const shown = [...table.tBodies[0].rows].filter((row) => !row.hidden);
      const lines = shown.map((row) =>
        [...row.cells].map((cell) => cell.dataset.v ?? cell.textContent.trim()),
      );
      const text = [heads, ...lines].map((line) => line.map(csvCell).join(",")).join("\r\n");
      const done = await copied(`${text}\r\n`);
      said.textContent = done ? `${shown.length} rows copied` : "The browser did not allow copying";
    });
  }

  /* ---- timelines ---------------------------------------------------------------- */
  const STAGES = ["in its launch call", "behind its own lane", "waiting for another lane"];
  const LAST = {
    graph: "waiting for its place in a graph",
    start_latency: "about to start",
    wait: "waiting for what is not recorded",
    unknown: "not known why",
  };
  const AXIS = 24, GAP = 10, STRIP = 22, CURVE = 52, LEAST = 10;
  const themes = [];

  class Timeline {
    constructor(root) {
      this.root = root;
      this.data = JSON.parse(document.getElementById(`${root.id}-data`).textContent);
      this.canvas = root.querySelector("canvas");
      this.tip = root.querySelector(".tip");
      this.detail = root.querySelector(".detail");
      this.range = root.querySelector(".range");
      this.command = root.querySelector(".command");
      this.low = 0;
      this.high = this.data.window;
      this.selected = -1;
      this.pointers = new Map();
      this.row = this.data.lanes.length > 12 ? 16 : 24;
      this.lanesTop = AXIS;
      this.stripTop = this.lanesTop + this.row * this.data.lanes.length + GAP;
      this.curveTop = this.stripTop + STRIP + GAP + 12;
      this.height = this.curveTop + CURVE + 8;
      this.byLane = this.data.lanes.map(() => []);
      this.data.lane.forEach((lane, mark) => this.byLane[lane].push(mark));
      this.reach = this.byLane.map((marks) => {
        let latest = -Infinity;
        return marks.map((mark) => {
          latest = Math.max(latest, this.data.start[mark] + this.data.length[mark]);
          return latest;
        });
      });
      this.canvas.style.height = `${this.height}px`;
      this.listen();
      new ResizeObserver(() => this.draw()).observe(this.canvas);
      this.commandFor();
    }

    /* -- places -- */
    get gutter() {
      return Math.min(this.labelWidth ?? 70, this.width * 0.24);
    }
    x(ns) {
      return this.gutter + ((ns - this.low) / (this.high - this.low)) * (this.width - this.gutter);
    }
    at(x) {
      const inside = (x - this.gutter) / (this.width - this.gutter);
      return this.low + Math.min(Math.max(inside, 0), 1) * (this.high - this.low);
    }
    binEdge(bin) {
      return Math.floor((this.data.window * bin) / this.data.bins);
    }
    binAt(ns) {
      return Math.min(Math.max(Math.floor((ns / this.data.window) * this.data.bins), 0),
        this.data.bins - 1);
    }

    /* -- drawing -- */
    colours() {
      const style = getComputedStyle(this.root);
      const read = (name) => style.getPropertyValue(name).trim();
      const tones = {};
      for (const [, tone] of this.data.states) tones[tone] ??= read(`--tone-${tone}`);
      return {
        ground: read("--ground"), ink: read("--ink"), quiet: read("--quiet"),
        rule: read("--rule"), accent: read("--accent"), tones,
        marks: [0, 1, 2, 3].map((place) => read(`--mark-${place}`)),
        on: read("--mark-ink"), together: read("--tone-together"),
      };
    }
    draw() {
      const width = this.canvas.clientWidth;
      if (!width) return;
      const ratio = window.devicePixelRatio || 1;
      this.width = width;
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(this.height * ratio);
      const ctx = this.canvas.getContext("2d");
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      ctx.font = "12px system-ui, sans-serif";
      ctx.textBaseline = "middle";
      this.labelWidth = 22 + Math.max(ctx.measureText("concurrency").width,
        ...this.data.lanes.map((lane) => ctx.measureText(`${this.data.noun} ${lane}`).width));
      const look = this.colours();
      ctx.fillStyle = look.ground;
      ctx.fillRect(0, 0, width, this.height);
      this.drawAxis(ctx, look);
      this.drawn = 0;
      ctx.save();
      ctx.beginPath();
      ctx.rect(this.gutter, AXIS - 2, width - this.gutter, this.height);
      ctx.clip();
      this.data.lanes.forEach((_, lane) => this.drawLane(ctx, look, lane));
      this.drawStates(ctx, look);
      this.drawCurve(ctx, look);
      this.drawSelection(ctx, look);
      ctx.restore();
      this.drawLabels(ctx, look);
      this.root.dataset.marks = this.drawn;
      this.range.textContent =
        `${time(Math.round(this.low))} to ${time(Math.round(this.high))}, ` +
        `${time(Math.round(this.high - this.low))} of ${time(this.data.window)}`;
    }
    drawAxis(ctx, look) {
      const wanted = ((this.high - this.low) * 90) / Math.max(this.width - this.gutter, 1);
      const power = 10 ** Math.floor(Math.log10(wanted || 1));
      const step = Math.max([1, 2, 5, 10].map((f) => f * power).find((s) => s >= wanted), 1);
      ctx.strokeStyle = look.rule;
      ctx.fillStyle = look.quiet;
      ctx.lineWidth = 1;
      for (let at = Math.ceil(this.low / step) * step; at <= this.high; at += step) {
        const x = Math.round(this.x(at)) + 0.5;
        ctx.beginPath();
        ctx.moveTo(x, AXIS - 6);
        ctx.lineTo(x, this.height);
        ctx.stroke();
        const words = time(Math.round(at));
        if (x + ctx.measureText(words).width + 4 < this.width) ctx.fillText(words, x + 3, 11);
      }
    }
    fit(ctx, words, width) {
      if (ctx.measureText(words).width <= width) return words;
      let shown = words;
      while (shown.length > 1 && ctx.measureText(`${shown}\u2026`).width > width)
        shown = shown.slice(0, -1);
      return `${shown}\u2026`;
    }
    drawLabels(ctx, look) {
      const width = this.gutter - 14;
      ctx.fillStyle = look.ink;
      this.data.lanes.forEach((lane, place) => {
        const y = this.lanesTop + place * this.row + this.row / 2;
        ctx.fillText(this.fit(ctx, `${this.data.noun} ${lane}`, width), 8, y);
      });
      ctx.fillText(this.fit(ctx, "states", width), 8, this.stripTop + STRIP / 2);
      ctx.fillText(this.fit(ctx, "concurrency", width), 8, this.curveTop + CURVE / 2 - 8);
      ctx.fillStyle = look.quiet;
      const most = this.data.most.reduce((a, b) => Math.max(a, b), 0);
      ctx.fillText(this.fit(ctx, `at most ${most}`, width), 8, this.curveTop + CURVE / 2 + 8);
    }
    /* The marks of a lane that touch the view: [first, last) of its list. */
    seen(lane) {
      const marks = this.byLane[lane], reach = this.reach[lane];
      let low = 0, high = marks.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (reach[middle] < this.low) low = middle + 1;
        else high = middle;
      }
      let last = low;
      while (last < marks.length && this.data.start[marks[last]] <= this.high) last += 1;
      return [low, last];
    }
    drawLane(ctx, look, lane) {
      const top = this.lanesTop + lane * this.row + 2, tall = this.row - 4;
      if (this.data.busy) {
        ctx.fillStyle = look.marks[0];
        ctx.globalAlpha = 0.4;
        const busy = this.data.busy[lane];
        for (let bin = this.binAt(this.low); bin <= this.binAt(this.high); bin += 1) {
          if (!busy[bin]) continue;
          const left = this.x(this.binEdge(bin)), right = this.x(this.binEdge(bin + 1));
          const part = Math.max((tall * busy[bin]) / 1000, 1);
          ctx.fillRect(left, top + tall - part, Math.max(right - left, 1), part);
        }
        ctx.globalAlpha = 1;
      }
      const [first, last] = this.seen(lane), marks = this.byLane[lane];
      let covered = -Infinity;
      for (let place = first; place < last; place += 1) {
        const mark = marks[place];
        const left = this.x(this.data.start[mark]);
        const right = Math.max(this.x(this.data.start[mark] + this.data.length[mark]), left + 1);
        this.drawn += 1;
        if (right <= covered) continue; // Nothing would be seen of it.
        covered = Math.floor(right);
        ctx.fillStyle = look.marks[this.data.name[mark] % 4];
        const gap = right - left > 3 ? 0.5 : 0;
        ctx.fillRect(left, top, right - left - gap, tall);
        if (right - left > 40 && tall > 11) {
          ctx.fillStyle = look.on;
          const begin = Math.max(left, this.gutter);
          const room = right - begin - 10;
          if (room > 24)
            ctx.fillText(this.fit(ctx, this.data.names[this.data.name[mark]].slice(0, 60), room),
              begin + 5, top + tall / 2 + 0.5);
        }
      }
    }
    texture(ctx, tone, left, top, width, height) {
      // The same marks as the charts' textures, for eyes that see no colours.
      if (width < 8 || tone === "together" || tone === "same-lane" || tone === "edge") return;
      ctx.save();
      ctx.beginPath();
      ctx.rect(left, top, width, height);
      ctx.clip();
      ctx.strokeStyle = "#ffffff8c";
      ctx.fillStyle = "#ffffff8c";
      ctx.lineWidth = 1;
      ctx.beginPath();
      const begin = Math.floor(left / 6) * 6;
      const rising = ["one-host", "host", "blocked", "unknown"].includes(tone);
      const falling = ["launch", "blocked", "unknown"].includes(tone);
      if (["one-waits", "dependency"].includes(tone)) {
        for (let x = begin; x < left + width; x += 6)
          for (let y = top + 3; y < top + height; y += 6) ctx.rect(x, y, 2, 2);
        ctx.fill();
      } else if (!rising && !falling) {
        for (let y = top + 3; y < top + height; y += 6) {
          ctx.moveTo(left, y);
          ctx.lineTo(left + width, y);
        }
      }
      for (let x = begin - 24; x < left + width; x += 6) {
        if (rising) { ctx.moveTo(x, top + height); ctx.lineTo(x + height, top); }
        if (falling) { ctx.moveTo(x, top); ctx.lineTo(x + height, top + height); }
      }
      ctx.stroke();
      ctx.restore();
    }
    drawStates(ctx, look) {
      const { stretches, shares, states } = this.data;
      const fill = (state, left, right, top, tall) => {
        ctx.fillStyle = look.tones[states[state][1]];
        ctx.fillRect(left, top, Math.max(right - left, 0.75), tall);
        this.texture(ctx, states[state][1], left, top, right - left, tall);
      };
      if (stretches) {
        for (let i = 0, begin = 0; i < stretches.length; begin = stretches[i + 1], i += 2) {
          if (stretches[i + 1] < this.low || begin > this.high) continue;
          const left = Math.max(this.x(begin), this.gutter);
          const right = Math.min(this.x(stretches[i + 1]), this.width);
          fill(stretches[i], left, right, this.stripTop, STRIP);
          this.drawn += 1;
        }
      } else if (shares) {
        for (let bin = this.binAt(this.low); bin <= this.binAt(this.high); bin += 1) {
          const left = this.x(this.binEdge(bin)), right = this.x(this.binEdge(bin + 1));
          let top = this.stripTop;
          for (let i = 0; i < shares[bin].length; i += 2) {
            const tall = (STRIP * shares[bin][i + 1]) / 1000;
            fill(shares[bin][i], left, right, top, tall);
            top += tall;
          }
          this.drawn += 1;
        }
      }
    }
    drawCurve(ctx, look) {
      const most = Math.max(this.data.most.reduce((a, b) => Math.max(a, b), 0), 1);
      const y = (lanes) => this.curveTop + CURVE * (1 - lanes / most);
      const bins = [];
      for (let bin = this.binAt(this.low); bin <= this.binAt(this.high); bin += 1) bins.push(bin);
      ctx.strokeStyle = look.rule;
      for (let lanes = 0; lanes <= most; lanes += Math.ceil(most / 4)) {
        ctx.beginPath();
        ctx.moveTo(this.gutter, y(lanes) + 0.5);
        ctx.lineTo(this.width, y(lanes) + 0.5);
        ctx.stroke();
      }
      ctx.fillStyle = look.together;
      ctx.globalAlpha = 0.35;
      ctx.beginPath();
      ctx.moveTo(this.x(this.binEdge(bins[0])), y(0));
      for (const bin of bins) {
        const value = y(this.data.running[bin] / 1000);
        ctx.lineTo(this.x(this.binEdge(bin)), value);
        ctx.lineTo(this.x(this.binEdge(bin + 1)), value);
      }
      ctx.lineTo(this.x(this.binEdge(bins.at(-1) + 1)), y(0));
      ctx.fill();
      ctx.globalAlpha = 1;
      ctx.strokeStyle = look.together;
      ctx.lineWidth = 1.25;
      ctx.beginPath();
      for (const bin of bins) {
        const value = y(this.data.most[bin]);
        ctx.lineTo(this.x(this.binEdge(bin)), value);
        ctx.lineTo(this.x(this.binEdge(bin + 1)), value);
      }
      ctx.stroke();
      this.drawn += bins.length;
    }
    drawSelection(ctx, look) {
      if (this.place) {
        ctx.fillStyle = look.accent;
        ctx.globalAlpha = 0.16;
        const left = this.x(this.place[0]), right = this.x(this.place[0] + this.place[1]);
        ctx.fillRect(left, AXIS, Math.max(right - left, 2), this.height);
        ctx.globalAlpha = 1;
      }
      const mark = this.selected;
      if (mark < 0) return;
      const top = this.lanesTop + this.data.lane[mark] * this.row + 2, tall = this.row - 4;
      const left = this.x(this.data.start[mark]);
      const right = Math.max(this.x(this.data.start[mark] + this.data.length[mark]), left + 2);
      ctx.strokeStyle = look.accent;
      ctx.lineWidth = 2;
      ctx.strokeRect(left, top, right - left, tall);
      const launch = this.data.before?.launch[mark];
      if (launch === null || launch === undefined) return;
      // From its launch to its start, so that the wait is seen.
      ctx.beginPath();
      ctx.moveTo(this.x(launch), top);
      ctx.lineTo(this.x(launch), top + tall);
      ctx.moveTo(this.x(launch), top + tall / 2);
      ctx.lineTo(left, top + tall / 2);
      ctx.stroke();
    }

    /* -- telling -- */
    told(mark) {
      const { data } = this;
      const start = data.start[mark], length = data.length[mark];
      const lines = [
        `${data.noun} ${data.lanes[data.lane[mark]]}, ` +
          `${time(start)} to ${time(start + length)}: ${time(length)}`,
      ];
      const before = data.before;
      if (before) {
        const launch = before.launch[mark];
        if (launch === null) lines.push("Its launch is not recorded.");
        else {
          const queued = start - launch - before.call[mark];
          lines.push(
            `Launched ${time(start - launch)} before, in a call of ${time(before.call[mark])}` +
              (queued > 0 ? `; queued ${time(queued)}` : ""),
          );
        }
        const words = [...STAGES, LAST[before.lastNames[before.last[mark]]] ?? "waiting"];
        if (launch === null) words[0] = "launched at a time that is not known";
        const parts = before.stages[mark]
          .map((ns, place) => [ns, words[place]])
          .filter(([ns]) => ns > 0);
        if (parts.length)
          lines.push(
            `Why no earlier: ${parts.map(([ns, said]) => `${time(ns)} ${said}`).join(", then ")}.`,
          );
      }
      return [data.names[data.name[mark]], lines];
    }
    say(into, [title, lines]) {
      into.textContent = "";
      into.append(node("b", title), ...lines.map((line) => node("p", line)));
    }
    markAt(x, y) {
      const lane = Math.floor((y - this.lanesTop) / this.row);
      if (lane < 0 || lane >= this.data.lanes.length || x < this.gutter) return -1;
      const [first, last] = this.seen(lane), marks = this.byLane[lane];
      let best = -1, near = 4;
      for (let place = first; place < last; place += 1) {
        const mark = marks[place];
        const left = this.x(this.data.start[mark]);
        const right = this.x(this.data.start[mark] + this.data.length[mark]);
        const off = x < left ? left - x : x > right ? x - right : 0;
        if (off < near || (off === 0 && near === 0)) [best, near] = [mark, off];
      }
      return best;
    }
    atPoint(x, y) {
      const mark = this.markAt(x, y);
      if (mark >= 0) return this.told(mark);
      if (x < this.gutter) return null;
      const ns = this.at(x);
      const bin = this.binAt(ns);
      const between = `${time(this.binEdge(bin))} to ${time(this.binEdge(bin + 1))}`;
      const { stretches, shares, states } = this.data;
      if (y >= this.stripTop && y <= this.stripTop + STRIP) {
        if (stretches) {
          for (let i = 0, begin = 0; i < stretches.length; begin = stretches[i + 1], i += 2)
            if (ns < stretches[i + 1])
              return [states[stretches[i]][0], [states[stretches[i]][2],
                `${time(begin)} to ${time(stretches[i + 1])}: ${time(stretches[i + 1] - begin)}`]];
        } else if (shares) {
          const parts = [];
          for (let i = 0; i < shares[bin].length; i += 2)
            parts.push([shares[bin][i + 1] / 1000, states[shares[bin][i]]]);
          parts.sort((a, b) => b[0] - a[0]);
          return [between, parts.slice(0, 5).map(([p, s]) => `${share(p)} ${s[0]}: ${s[2]}`)];
        }
      }
      if (y >= this.curveTop - GAP)
        return [between, [`${(this.data.running[bin] / 1000).toFixed(2)} lanes on average, ` +
          `${this.data.most[bin]} at most`]];
      const lane = Math.floor((y - this.lanesTop) / this.row);
      if (this.data.busy?.[lane]?.[bin])
        return [between, [`${this.data.noun} ${this.data.lanes[lane]} is busy ` +
          `${share(this.data.busy[lane][bin] / 1000)} of it; its activities are too short to be ` +
          "drawn one by one"]];
      return null;
    }
    hover(event) {
      const box = this.canvas.getBoundingClientRect();
      const x = event.clientX - box.left, y = event.clientY - box.top;
      const found = this.atPoint(x, y);
      this.tip.hidden = !found;
      if (!found) return;
      this.say(this.tip, found);
      const left = Math.min(Math.max(x + 14, 0), Math.max(this.width - this.tip.offsetWidth, 0));
      this.tip.style.left = `${left}px`;
      this.tip.style.top = `${y + 18}px`;
    }
    select(mark) {
      this.selected = mark;
      this.place = null;
      if (mark >= 0) this.say(this.detail, this.told(mark));
      this.draw();
    }

    /* -- moving -- */
    show(low, high) {
      const span = Math.min(Math.max(high - low, Math.min(LEAST, this.data.window)),
        this.data.window);
      const begin = Math.min(Math.max((low + high - span) / 2, 0), this.data.window - span);
      [this.low, this.high] = [begin, begin + span];
      this.draw();
      this.commandFor();
    }
    zoom(factor, about = (this.low + this.high) / 2) {
      this.show(about - (about - this.low) * factor, about + (this.high - about) * factor);
    }
    move(part) {
      const by = Math.max(Math.min((this.high - this.low) * part, this.data.window - this.high),
        -this.low);
      this.show(this.low + by, this.high + by);
    }
    go(start, length) {
      const around = Math.max(length * 1.5, this.data.window / 5000);
      this.selected = -1;
      this.place = [start, length];
      this.show(start - around, start + length + around);
      this.detail.textContent = "";
      this.detail.append(node("p", `Shown: ${time(start)} to ${time(start + length)}.`));
      this.canvas.focus({ preventScroll: true });
      this.root.scrollIntoView({ block: "nearest", behavior: "instant" });
    }
    commandFor() {
      if (!this.command) return;
      const from = Math.floor(this.data.begins + this.low);
      const to = Math.ceil(this.data.begins + this.high);
      this.command.textContent =
        `analyze report ${this.data.path} --from ${Math.max(from, 0)}ns --to ${to}ns`;
    }
    walk(step) {
      const lane = this.selected < 0 ? this.byLane.findIndex((marks) => marks.length)
        : this.data.lane[this.selected];
      if (lane < 0) return;
      const marks = this.byLane[lane];
      const place = this.selected < 0 ? -1 : marks.indexOf(this.selected);
      const [first] = this.seen(lane);
      const next = place < 0 ? Math.min(first, marks.length - 1)
        : Math.min(Math.max(place + step, 0), marks.length - 1);
      this.reveal(marks[next]);
    }
    climb(step) {
      if (this.selected < 0) return void this.walk(1);
      const from = this.data.lane[this.selected];
      for (let lane = from + step; lane >= 0 && lane < this.byLane.length; lane += step) {
        const marks = this.byLane[lane];
        if (!marks.length) continue;
        const start = this.data.start[this.selected];
        let best = marks[0];
        for (const mark of marks)
          if (Math.abs(this.data.start[mark] - start) < Math.abs(this.data.start[best] - start))
            best = mark;
        this.reveal(best);
        return;
      }
    }
    reveal(mark) {
      const start = this.data.start[mark], end = start + this.data.length[mark];
      if (end < this.low || start > this.high) {
        const half = (this.high - this.low) / 2;
        this.show(start - half, start + half);
      }
      this.select(mark);
    }

    listen() {
      const { canvas } = this;
      const DO = {
        in: () => this.zoom(0.5), out: () => this.zoom(2), left: () => this.move(-0.5),
        right: () => this.move(0.5), all: () => this.show(0, this.data.window),
      };
      for (const button of this.root.querySelectorAll("[data-do]"))
        button.addEventListener("click", DO[button.dataset.do]);
      const KEYS = {
        ArrowLeft: () => this.walk(-1), ArrowRight: () => this.walk(1),
        ArrowUp: () => this.climb(-1), ArrowDown: () => this.climb(1),
        "+": DO.in, "=": DO.in, "-": DO.out, 0: DO.all, Home: DO.all,
        PageUp: DO.left, PageDown: DO.right,
        Escape: () => { this.tip.hidden = true; this.select(-1); },
      };
      canvas.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
        event.preventDefault();
        KEYS[event.key]();
      });
      canvas.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !event.metaKey) {
          if (Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
          event.preventDefault();
          this.move(event.deltaX / this.width);
          return;
        }
        event.preventDefault();
        this.zoom(Math.exp(event.deltaY * 0.004), this.at(event.offsetX));
      }, { passive: false });
      canvas.addEventListener("dblclick", (event) => this.zoom(0.25, this.at(event.offsetX)));
      canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        this.pointers.set(event.pointerId, event.offsetX);
        this.began = event.offsetX;
        this.dragged = false;
      });
      canvas.addEventListener("pointermove", (event) => {
        if (!this.pointers.has(event.pointerId)) return void this.hover(event);
        const before = this.pointers.get(event.pointerId);
        if (Math.abs(event.offsetX - this.began) > 3) this.dragged = true;
        if (this.pointers.size === 2) {
          const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId);
          const was = Math.abs(before - other[1]), is = Math.abs(event.offsetX - other[1]);
          if (was > 8 && is > 8)
            this.zoom(was / is, this.at((event.offsetX + other[1]) / 2));
        } else if (this.dragged) {
          canvas.classList.add("moved");
          this.tip.hidden = true;
          this.move((before - event.offsetX) / Math.max(this.width - this.gutter, 1));
        }
        this.pointers.set(event.pointerId, event.offsetX);
      });
      const over = (event) => {
        if (!this.pointers.delete(event.pointerId)) return;
        canvas.classList.remove("moved");
        if (event.type === "pointerup" && !this.dragged) {
          const mark = this.markAt(event.offsetX, event.offsetY);
          this.select(mark);
        }
      };
      canvas.addEventListener("pointerup", over);
      canvas.addEventListener("pointercancel", over);
      canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
      this.root.querySelector(".copy-command")?.addEventListener("click", async (event) => {
        const button = event.currentTarget;
        button.textContent = (await copied(this.command.textContent)) ? "Copied" : "Not allowed";
      });
    }
  }

  /* ---- the page ----------------------------------------------------------------- */
  const timelines = new Map();
  function timelineOf(id) {
    const root = document.getElementById(id);
    if (root && !timelines.has(id)) timelines.set(id, new Timeline(root));
    return timelines.get(id);
  }
  const dressed = new WeakSet();
  /* What is closed costs nothing until it is opened. */
  function dress(part) {
    for (const table of part.querySelectorAll("table"))
      if (!dressed.has(table) && !table.closest("details:not([open])")) {
        dressed.add(table);
        sortable(table);
        const sheet = table.closest(".sheet");
        if (sheet) tools(sheet);
      }
    for (const root of part.querySelectorAll(".timeline"))
      if (!root.closest("details:not([open])")) timelineOf(root.id);
  }
  const redraw = () => timelines.forEach((each) => each.draw());
  dress(document);
  for (const part of document.querySelectorAll("details"))
    part.addEventListener("toggle", () => part.open && dress(part));
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button.go");
    if (!button) return;
    timelineOf(button.dataset.to)?.go(Number(button.dataset.start), Number(button.dataset.length));
  });
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    const media = matchMedia(query);
    media.addEventListener("change", redraw);
    themes.push(media);
  }
  addEventListener("beforeprint", redraw);
  addEventListener("afterprint", redraw);
  document.documentElement.dataset.ready = "yes";
})();
