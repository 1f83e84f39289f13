// Measures how readable a page is: the lowest contrast of its texts (WCAG 2.2 §1.4.3).
import type { Page } from 'playwright-core';

/** From 1 to 21; 4.5 is enough for text of any size. */
export function lowestContrast(page: Page): Promise<number> {
  return page.evaluate<number>(measure);
}

const measure = `(() => {
  const canvas = document.createElement('div');
  canvas.style.backgroundColor = 'Canvas';
  document.body.append(canvas);
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const over = (top, below) => top.rgb.map((value, i) => value * top.a + below[i] * (1 - top.a));
  const ground = parse(getComputedStyle(canvas).backgroundColor).rgb;
  canvas.remove();
  const behind = (element) =>
    element === null ? ground : over(parse(getComputedStyle(element).backgroundColor), behind(element.parentElement));
  const opacityOf = (element) =>
    element === null ? 1 : Number(getComputedStyle(element).opacity) * opacityOf(element.parentElement);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let lowest = 21;
  for (const element of document.querySelectorAll('main, main *')) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')) continue;
    const below = behind(element);
    const color = parse(getComputedStyle(element).color);
    const [dark, light] = [luminance(below), luminance(over({ rgb: color.rgb, a: color.a * opacityOf(element) }, below))].sort((a, b) => a - b);
    lowest = Math.min(lowest, (light + 0.05) / (dark + 0.05));
  }
  return lowest;
})()`;
