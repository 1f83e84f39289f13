// Owns how one setting is called by each who names it: people (`portal.pool.max_idle`), the environment
// (`PORTAL_POOL_MAX_IDLE`) and our own code (`portal.pool.maxIdle`). And what was probably meant by a name that is none.
import type { Path, Shape } from './shape.ts';

/** `leases["my app"].cors.origins[0]` */
export function showPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else {
      const shown = shownText(step);
      if (/^"[\w-]{1,60}"$/.test(shown)) text += text === '' ? step : `.${step}`;
      else text += `[${shown}]`;
    }
  }
  return text;
}

/** The one rule: the names on the path, in capitals, joined by an underscore. */
export function environmentName(path: readonly string[]): string {
  return path.join('_').toUpperCase();
}

/** snake_case to camelCase; durations end in their unit, and sizes too. */
export function propertyName(name: string, shape: Shape): string {
  const camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  if (shape.kind !== 'scalar') return camel;
  if (shape.scalar === 'duration') return `${camel}Ms`;
  return shape.scalar === 'size' && !/bytes$/i.test(camel) ? `${camel}Bytes` : camel;
}

const maxShownCharacters = 60;

/** Text of a file or of the environment, fit for a message: one line, bounded, and neither a key nor a password in it. */
export function shownText(text: string): string {
  const safe = text
    .replace(/\bsk_(live|test)_\w+/g, 'sk_$1_…')
    .replace(/\/\/[^/\s]*@/g, '//…@')
    .replace(/^[^/\s:]*:[^/\s]*@/, '…@');
  const cut = safe.length > maxShownCharacters ? `${safe.slice(0, maxShownCharacters)}…` : safe;
  return escaped(JSON.stringify(cut));
}

// What moves the cursor, hides text or reorders it.
const unsafe =
  // eslint-disable-next-line no-control-regex -- they are what this is about
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

/** One line that shows what it is. Of text in quotes, JSON and YAML both read it back as the same. */
export function escaped(text: string): string {
  const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`;
  return text.replace(unsafe, (character) => character.replace(/[^]/g, (half) => unit(half.charCodeAt(0))));
}

/** The candidate that a slip or two of the hand lead away from. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  // A third of a short word is another word.
  let fewest = Math.min(3, Math.ceil(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= fewest) continue;
    const slips = slipsBetween(name.toLowerCase(), candidate.toLowerCase());
    if (slips < fewest) [best, fewest] = [candidate, slips];
  }
  return best;
}

/** Completes a message about `name`, which is none of the candidates. */
export function suggestionOf(name: string, candidates: Iterable<string>): string {
  const meant = didYouMean(name, candidates);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

/** As many as findings are shown (origin.ts). Each is a look at every candidate, and both may be many. */
const maxSuggestions = 200;

/** suggestionOf() for the first names; for those after them there is none. */
export function boundedSuggestions(): typeof suggestionOf {
  let left = maxSuggestions;
  return (name, candidates) => {
    left -= 1;
    return left < 0 ? '' : suggestionOf(name, candidates);
  };
}

/** Optimal string alignment: letters added, lost, changed, or two of them swapped. */
function slipsBetween(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let fewest = Math.min(change, at(previous, j) + 1, at(row, j - 1) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) fewest = Math.min(fewest, at(before, j - 2) + 1);
      row.push(fewest);
    }
    [before, previous] = [previous, row];
  }
  return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
