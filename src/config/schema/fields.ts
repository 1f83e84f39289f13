// The kinds of settings, each as a zod type with metadata. The sections are built from them.
import { z } from 'zod';
import { type FieldMeta, withMeta } from './field-meta.ts';
import { formatDuration, parseDuration } from './durations.ts';
import { formatSize, parseSize } from './sizes.ts';

/** The verdict of a check: true or false, or a message that completes "<setting> …". */
export type TextCheck = (text: string) => boolean | string;

type Options = Pick<FieldMeta, 'restart' | 'secret' | 'example'>;

export function flag(description: string, initial: boolean, options: Options = {}): z.ZodType {
  const meta: FieldMeta = { description, expects: 'true or false', scalar: 'flag', initial, example: !initial };
  return withMeta(z.boolean().prefault(initial), { ...meta, ...options });
}

/** A missing value stays undefined, and a more general setting applies. */
export function optionalFlag(description: string): z.ZodType {
  return withMeta(z.boolean().optional(), { description, expects: 'true or false', scalar: 'flag', example: true });
}

export interface NumberOptions extends Options {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

export function wholeNumber(description: string, options: NumberOptions): z.ZodType {
  const { initial, min, max } = options;
  return withMeta(z.number().int().min(min).max(max).prefault(initial), {
    description,
    expects: `a whole number from ${min} to ${max}`,
    scalar: 'number',
    bounds: { min, max, zero: false },
    ...options,
  });
}

/** Without `initial`, a missing value stays undefined. */
export function number(
  description: string,
  options: Options & {
    readonly initial?: number;
    readonly min: number;
    readonly max: number;
    readonly whole?: true;
    readonly required?: true;
  },
): z.ZodType {
  const { initial, min, max, whole, ...rest } = options;
  const bounded = (whole === true ? z.number().int() : z.number()).min(min).max(max);
  const schema =
    rest.required === true ? bounded : initial === undefined ? bounded.optional() : bounded.prefault(initial);
  return withMeta(schema, {
    description,
    expects: `a ${whole === true ? 'whole number' : 'number'} from ${min} to ${max}`,
    scalar: 'number',
    bounds: { min, max, zero: false },
    ...(initial !== undefined && { initial }),
    ...rest,
  });
}

export interface QuantityOptions extends Options {
  /**
   * As durations are usually written. Absent: a missing value stays undefined, and a more general
   * setting applies.
   */
  readonly initial?: string;
  readonly min: string;
  readonly max: string;
  /** The meaning of 0, where it is a special value. */
  readonly zero?: string;
}

export function duration(description: string, options: QuantityOptions): z.ZodType {
  const needsUnit = (seen: string): string => `needs a unit: ${seen}s, or ${seen}ms`;
  const schema = quantity(options, parseDuration, needsUnit);
  return withMeta(schema, {
    description,
    expects: expected('a duration', options),
    scalar: 'duration',
    bounds: boundsOf(options, parseDuration),
    ...options,
  });
}

export function size(description: string, options: QuantityOptions): z.ZodType {
  return withMeta(quantity(options, parseSize), {
    description,
    expects: expected('a size', options),
    scalar: 'size',
    bounds: boundsOf(options, parseSize),
    ...options,
  });
}

export interface TextOptions extends Options {
  /** Absent: required. An empty text that is the default is not checked. */
  readonly initial?: string;
  readonly expects: string;
  readonly check: TextCheck;
  readonly scalar?: 'text' | 'path';
}

export function text(description: string, options: TextOptions): z.ZodType {
  const { check, ...meta } = options;
  const checked = z.string().superRefine((value, context) => {
    if (value === '' && options.initial === '') return;
    const verdict = check(value);
    if (verdict !== true)
      context.addIssue({ code: 'custom', params: { says: verdict === false ? undefined : verdict } });
  });
  const { initial } = options;
  const schema = initial === undefined ? checked : checked.prefault(initial);
  return withMeta(schema, { description, scalar: 'text', ...meta });
}

/**
 * The path of a file, relative to the file that contains the setting, or to the working directory
 * if it comes from the environment.
 */
export function path(description: string, options: Options & { readonly optional: boolean }): z.ZodType {
  const { optional, ...rest } = options;
  return text(description, {
    expects: 'the path of a file',
    check: (value) => value !== '' && !value.includes('\0'),
    scalar: 'path',
    example: 'some/file',
    ...(optional && { initial: '' }),
    ...rest,
  });
}

export function choice(
  description: string,
  words: readonly [string, ...string[]],
  options: Options & { readonly initial: string },
): z.ZodType {
  // YAML parses `1.3` without quotes as a number, and many people write `WARN` in the environment.
  const asWord = (seen: unknown): unknown =>
    typeof seen === 'string' ? seen.toLowerCase() : typeof seen === 'number' ? String(seen) : seen;
  return withMeta(z.preprocess(asWord, z.enum(words)).prefault(options.initial), {
    description,
    expects: words.length === 1 ? words[0] : `one of ${words.join(', ')}`,
    scalar: 'choice',
    words,
    example: words.find((word) => word !== options.initial),
    ...options,
  });
}

export function list(description: string, item: z.ZodType, options: Options & { initial?: unknown[] } = {}): z.ZodType {
  const { initial = [], ...rest } = options;
  return withMeta(z.array(item).prefault(initial), { description, expects: 'a list', initial, ...rest });
}

export function map(description: string, name: { expects: string; check: TextCheck }, entry: z.ZodType): z.ZodType {
  const key = z.string().superRefine((value, context) => {
    const verdict = name.check(value);
    if (verdict === true) return;
    const says = verdict === false ? `must have ${name.expects} as its name` : verdict;
    context.addIssue({ code: 'custom', params: { says } });
  });
  const meta = { description, expects: `a map in which each name is ${name.expects}`, initial: {} };
  return withMeta(z.record(key, entry).prefault({}), meta);
}

type Fields = Readonly<Record<string, z.ZodType>>;

/** A section. All its settings have defaults, so it may be omitted. */
export function section(typeName: string, description: string, fields: Fields): z.ZodType {
  return withMeta(z.strictObject(fields).prefault({}), {
    description,
    expects: 'a map of settings',
    initial: {},
    typeName,
  });
}

/** An item of a list or map, which may have required settings. */
export function entry(typeName: string, description: string, fields: Fields): z.ZodType {
  return withMeta(z.strictObject(fields), { description, expects: 'a map of settings', typeName });
}

function quantity(
  options: QuantityOptions,
  parse: (text: string) => number | undefined,
  needsUnit?: (seen: string) => string,
): z.ZodType {
  const { min, max, zero } = boundsOf(options, parse);
  const schema = z
    .union([z.string(), z.number()])
    .transform((seen, context): number => {
      const parsed = parse(String(seen));
      if (parsed !== undefined) return parsed;
      const bare = /^[\d.]+$/.test(String(seen));
      context.addIssue({ code: 'custom', params: { says: bare ? needsUnit?.(String(seen)) : undefined } });
      return z.NEVER;
    })
    .pipe(zero ? z.union([z.literal(0), z.number().min(min).max(max)]) : z.number().min(min).max(max));
  return options.initial === undefined ? schema.optional() : schema.prefault(options.initial);
}

function boundsOf(
  options: QuantityOptions,
  parse: (text: string) => number | undefined,
): NonNullable<FieldMeta['bounds']> {
  const [min, max] = [parse(options.min), parse(options.max)];
  if (min === undefined || max === undefined) throw new TypeError(`bounds ${options.min} and ${options.max}`);
  return { min, max, zero: options.zero !== undefined };
}

function expected(what: string, { min, max, zero }: QuantityOptions): string {
  return `${what} from ${min} to ${max}${zero === undefined ? '' : `, or 0: ${zero}`}`;
}

/** Formats a number in the unit of its setting. */
export function spelled(meta: FieldMeta, value: number): string | number {
  if (meta.scalar === 'duration') return formatDuration(value);
  return meta.scalar === 'size' && value !== 0 ? formatSize(value) : value;
}
