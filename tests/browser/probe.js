// Runs at the end of a copy of the report and posts what the browser shows to the enclosing page.
(() => {
  const all = selector => [...document.querySelectorAll(selector)];
  const cells = id =>
    all(`#${id}-table tbody tr`).map(row => [...row.cells].map(cell => cell.textContent.trim()));
  const luminance = colour => {
    const [r, g, b] = colour.map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parts = text => text.match(/[\d.]+/g).map(Number);
  const background = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parts(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  // WCAG 2, 1.4.3
  const contrast = element => {
    const a = luminance(parts(getComputedStyle(element).color).slice(0, 3));
    const b = luminance(background(element));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const texts = all("p, td, th, a, h1, h2, h3, caption, dt, dd, figcaption, summary, " +
    ".missing, .quiet, .reduced");
  const ids = all("[id]").map(e => e.id);
  const probe = {
    width: innerWidth,
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    table1: cells("table1"),
    cells: cells("cells"),
    choices: cells("choices"),
    missing: cells("missing"),
    predicted: cells("predicted"),
    page_width: document.documentElement.scrollWidth,
    tables_too_wide: all("table, svg, img, pre")
      .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
      .map(e => e.id || e.tagName),
    broken_pictures: [...document.images].filter(i => !i.complete || i.naturalWidth === 0).length,
    pictures: document.images.length,
    fetched: performance.getEntriesByType("resource").map(e => e.name)
      .filter(name => !name.startsWith("data:")),
    scripts: document.scripts.length - 1,
    dead_links: all("a[href^='#']").map(a => a.hash.slice(1))
      .filter(id => !document.getElementById(id)),
    repeated_ids: ids.filter((id, i) => ids.indexOf(id) !== i),
    // For screen readers.
    language: document.documentElement.lang,
    headings: all("h1, h2, h3").map(h => Number(h.tagName[1])),
    unnamed_tables: all("table").filter(t => !t.caption || !t.caption.textContent.trim()).length,
    unscoped_headings: document.querySelectorAll("th:not([scope])").length,
    unnamed_pictures: [...document.images].filter(i => !i.alt).length +
      all("svg").filter(s => s.getAttribute("role") !== "img" || !s.querySelector("title") ||
        !s.querySelector("desc")).length,
    landmarks: ["header", "nav[aria-label]", "main"].filter(l => !document.querySelector(l)),
    // For the keyboard: elements that scroll sideways must take the focus.
    unreachable: all(".scroll, pre")
      .filter(e => e.scrollWidth > e.clientWidth && e.tabIndex < 0).length,
    lowest_contrast: Math.min(...texts.filter(e => e.textContent.trim()).map(contrast)),
    smallest_text_px: Math.min(...texts.map(e => parseFloat(getComputedStyle(e).fontSize))),
  };
  parent.postMessage(encodeURIComponent(JSON.stringify(probe)), "*");
})();
