// Warns about API keys that are easy to guess: common words, few characters, repetitions. Checks
// keys in plain text only, since a hash shows nothing of its key.
import type { Warning } from './access-warnings.ts';
import type { Config } from '../load/config.ts';

/**
 * An attacker with many addresses can try fewer bits than this, although each address is throttled.
 */
const minBits = 64;
/** Entropy of a character that continues a run (aaaa, abcd, 4321). */
const runBits = 1;
/** A text with fewer distinct characters is assumed to use only those. */
const fewCharacters = 8;

/** Words of placeholder keys, such as my-secret-api-key. */
const commonWords: ReadonlySet<string> = new Set(
  (
    'a abc access admin an and api app auth azerty bar baz bearer bot change changeme client cred credential credentials default demo ' +
    'dev development dummy example fake foo foobar for gateway guest hello here hunter in insert insecure is it its key keys letmein live ' +
    'local localhost login master me monkey my of pass passphrase please password passw portal private prod production public pw pwd qwerty ' +
    'qwertyuiop asdf asdfgh root sample secret secrets secure server service sk staging super supersecret sysadmin temp test testing tests ' +
    'the this to todo token tokens tmp trustno user value welcome word world xxx your yourkey'
  ).split(' '),
);
/** Letters that are written as digits or signs, as in p4ssw0rd. */
const lookalikes: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'l',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
};

export function isGuessable(key: string): boolean {
  return isMadeOfCommonWords(key) || estimatedBits(key) < minBits;
}

/** The message contains neither the key nor its length. */
export function* weakKeys({ auth }: Config): Generator<Warning> {
  for (const [i, { key }] of auth.keys.entries()) {
    if (key === '' || !isGuessable(key)) continue;
    const message =
      'is easy to guess: use a random one, such as "portal-gateway keys create" or "openssl rand -hex 24" makes';
    yield { path: ['auth', 'keys', i, 'key'], message };
  }
}

/** Digits and signs between and after the words add little entropy. */
function isMadeOfCommonWords(key: string): boolean {
  const spelled = key.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  const plain = spelled.split(/[^a-z]+/);
  const guessed = spelled.replace(/[0134571@$]/g, (character) => lookalikes[character] ?? character).split(/[^a-z]+/);
  return [plain, guessed].some((words) => {
    const used = words.filter((word) => word !== '');
    return used.length > 0 && used.every((word) => commonWords.has(word)) && digitsIn(key) <= maxAddedDigits;
  });
}

/** Room for a year and a few more digits; longer numbers are judged by their entropy. */
const maxAddedDigits = 8;

function digitsIn(key: string): number {
  return key.replace(/\D/g, '').length;
}

function estimatedBits(key: string): number {
  const text = key.slice(0, periodOf(key));
  const bits = bitsOfCharacter(text);
  let sum = 0;
  for (let i = 0; i < text.length; i += 1) {
    const step = i === 0 ? Number.POSITIVE_INFINITY : Math.abs(text.charCodeAt(i) - text.charCodeAt(i - 1));
    sum += step <= 1 ? Math.min(runBits, bits) : bits;
  }
  return sum;
}

function bitsOfCharacter(text: string): number {
  const different = new Set(text).size;
  if (different < fewCharacters) return Math.log2(different);
  const classes: [RegExp, size: number][] = [
    [/[0-9]/, 10],
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[^0-9A-Za-z]/, 32],
  ];
  // The alphabet of hexadecimal text has only 16 characters.
  const size = /^(?:[0-9a-f]+|[0-9A-F]+)$/.test(text)
    ? 16
    : classes.reduce((sum, [inClass, characters]) => sum + (inClass.test(text) ? characters : 0), 0);
  return Math.log2(size);
}

/**
 * The length of the shortest prefix whose repetition gives the text; the length of the text if
 * there is none. Uses the prefix function of KMP.
 */
function periodOf(text: string): number {
  const borders: number[] = [0];
  let border = 0;
  for (let i = 1; i < text.length; i += 1) {
    while (border > 0 && text[i] !== text[border]) border = borders[border - 1] ?? 0;
    if (text[i] === text[border]) border += 1;
    borders.push(border);
  }
  return text.length - border;
}
