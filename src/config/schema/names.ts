// The three spellings of a setting's name: for people (`portal.pool.max_idle`), for the environment
// (`PORTAL_POOL_MAX_IDLE`) and in code (`portal.pool.maxIdle`). Also suggests a setting for an
// unknown name.
import { didYouMean } from '../../kernel/near-name.ts';
import type { Path, Shape } from './shape.ts';

export { didYouMean } from '../../kernel/near-name.ts';

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

/** The names on the path, in upper case, joined by underscores. */
export function environmentName(path: readonly string[]): string {
  return path.join('_').toUpperCase();
}

/** snake_case to camelCase; durations and sizes get their unit as a suffix. */
export function propertyName(name: string, shape: Shape): string {
  const camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  if (shape.kind !== 'scalar') return camel;
  if (shape.scalar === 'duration') return `${camel}Ms`;
  return shape.scalar === 'size' && !/bytes$/i.test(camel) ? `${camel}Bytes` : camel;
}

const maxShownCharacters = 60;

/**
 * Makes text of a file or of the environment safe for a message: one line, bounded, without keys
 * and passwords.
 */
export function shownText(text: string): string {
  const safe = text
    .replace(/\bsk_(live|test)_\w+/g, 'sk_$1_…')
    .replace(/\/\/[^/\s]*@/g, '//…@')
    .replace(/^[^/\s:]*:[^/\s]*@/, '…@');
  const cut = safe.length > maxShownCharacters ? `${safe.slice(0, maxShownCharacters)}…` : safe;
  return escaped(JSON.stringify(cut));
}

// Characters that move the cursor, hide text or reorder it.
const unsafe =
  // eslint-disable-next-line no-control-regex -- they are what this is about
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

/**
 * Escapes text to one printable line. JSON and YAML both read it back unchanged when it is quoted.
 */
export function escaped(text: string): string {
  const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`;
  return text.replace(unsafe, (character) => character.replace(/[^]/g, (half) => unit(half.charCodeAt(0))));
}

/** The end of a message about `name`, which is not one of the candidates. */
export function suggestionOf(name: string, candidates: Iterable<string>): string {
  const meant = didYouMean(name, candidates);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

/**
 * The same number as the findings that are shown (origin.ts). Each suggestion compares all
 * candidates, and both lists may be long.
 */
const maxSuggestions = 200;

/** suggestionOf() for the first names; an empty text for later ones. */
export function boundedSuggestions(): typeof suggestionOf {
  let left = maxSuggestions;
  return (name, candidates) => {
    left -= 1;
    return left < 0 ? '' : suggestionOf(name, candidates);
  };
}
