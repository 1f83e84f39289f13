import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { foldName } from '../kernel/lease-name.ts';
import { Acl, type AclRules, type AclTarget } from './acl.ts';
import { anonymous, type Principal } from './principal.ts';

const id = 'ABCDEFGHIJKLMNOPQRSTUVWX27';
const otherId = 'ZZZZZZZZZZZZZZZZZZZZZZZZ22';

function key(name: string, more: Partial<Principal> = {}): Principal {
  return { id: name, kind: 'key', scopes: [], ...more };
}

const alice = key('alice');
const bob = key('bob');

interface Row {
  readonly what: string;
  readonly rules: AclRules;
  readonly target?: Partial<AclTarget>;
  readonly who?: Principal;
  readonly allowed: boolean;
}

const decomposed = 'cafe\u0301';
const composed = 'caf\u00e9';

const rows: readonly Row[] = [
  { what: 'denied if no rule matches', rules: {}, allowed: false },
  { what: 'an exact rule allows listed callers', rules: { app: ['alice'] }, allowed: true },
  { what: 'an exact rule denies others', rules: { app: ['alice'] }, who: bob, allowed: false },
  { what: 'names compare ignoring case', rules: { APP: ['alice'] }, allowed: true },
  {
    what: 'names compare in composed form',
    rules: { [composed]: ['alice'] },
    target: { names: [decomposed] },
    allowed: true,
  },
  {
    what: 'look-alikes are different names',
    rules: { app: ['alice'] },
    target: { names: ['\u0430pp'] },
    allowed: false,
  },
  { what: 'a prefix rule', rules: { 'public-*': ['alice'] }, target: { names: ['public-docs'] }, allowed: true },
  {
    what: 'the prefix itself matches',
    rules: { 'public-*': ['alice'] },
    target: { names: ['public-'] },
    allowed: true,
  },
  {
    what: 'a shorter name does not match',
    rules: { 'public-*': ['alice'] },
    target: { names: ['public'] },
    allowed: false,
  },
  {
    what: 'a sigma at the end of the prefix but not of the name matches',
    rules: { 'ΟΔΟΣ*': [], '*': ['alice'] },
    target: { names: ['ΟΔΟΣΑ'] },
    allowed: false,
  },
  { what: '`*` matches any lease', rules: { '*': ['alice'] }, target: { names: [] }, allowed: true },
  {
    what: 'an exact rule hides prefixes and *, even if it denies',
    rules: { app: ['bob'], 'a*': ['alice'], '*': ['alice'] },
    allowed: false,
  },
  { what: 'a prefix hides *', rules: { 'a*': ['bob'], '*': ['alice'] }, allowed: false },
  { what: 'rules of prefixes are combined', rules: { 'a*': ['bob'], 'ap*': ['alice'] }, allowed: true },
  {
    what: 'rules of names are combined',
    rules: { one: ['bob'], two: ['alice'] },
    target: { names: ['one', 'two'] },
    allowed: true,
  },
  { what: 'a rule for the id', rules: { [id]: ['alice'] }, allowed: true },
  { what: 'a rule for another id', rules: { [otherId]: ['alice'] }, allowed: false },
  {
    what: 'id and name have exact rules: both must allow, and the name does not',
    rules: { [id]: ['alice'], app: ['bob'] },
    allowed: false,
  },
  {
    what: 'id and name have exact rules: both must allow, and the id does not',
    rules: { [id]: ['bob'], app: ['alice'] },
    allowed: false,
  },
  { what: 'id and name have exact rules: both allow', rules: { [id]: ['*'], app: ['alice'] }, allowed: true },
  {
    what: 'a lease named after the id of another gains nothing',
    rules: { [otherId]: ['alice'] },
    target: { names: [otherId, otherId.toLowerCase()] },
    allowed: false,
  },
  { what: '* allows any caller with a credential', rules: { app: ['*'] }, who: bob, allowed: true },
  { what: '* denies a caller without a credential', rules: { app: ['*'] }, who: anonymous, allowed: false },
  {
    what: 'anonymous allows callers without a credential',
    rules: { app: ['anonymous'] },
    who: anonymous,
    allowed: true,
  },
  { what: 'anonymous also allows callers with a credential', rules: { app: ['anonymous'] }, who: bob, allowed: true },
  { what: 'a scope', rules: { app: ['scope:mcp'] }, who: key('carol', { scopes: ['read', 'mcp'] }), allowed: true },
  { what: 'a missing scope', rules: { app: ['scope:mcp'] }, allowed: false },
  {
    what: 'a subject',
    rules: { app: ['sub:u1'] },
    who: { ...key('jwt'), kind: 'token', subject: 'u1' },
    allowed: true,
  },
  { what: 'a tenant', rules: { app: ['tenant:acme'] }, who: key('dora', { tenant: 'acme' }), allowed: true },
  {
    what: 'the id of a token is not a key',
    rules: { app: ['alice'] },
    who: { ...alice, kind: 'token' },
    allowed: false,
  },
];

describe('allowed callers', () => {
  for (const { what, rules, target, who = alice, allowed } of rows) {
    test(what, () => {
      assert.equal(new Acl(rules).decide({ id, names: ['app'], ...target }, who).allowed, allowed);
    });
  }
});

test('the verdict contains the class and its rules, in order', () => {
  const acl = new Acl({ 'ap*': ['bob'], '*': ['alice'], 'a*': ['alice'] });
  const verdict = acl.decide({ id, names: ['app'] }, alice);
  assert.equal(verdict.class, 'prefix');
  assert.deepEqual(
    verdict.rules.map(({ pattern }) => pattern),
    ['ap*', 'a*'],
  );
});

test('reveals that a lease is unknown only to callers that its rules would allow', () => {
  const acl = new Acl({ 'app-*': ['alice'], [id]: ['bob'] });
  assert.equal(acl.wouldAllow('app-1', alice), true);
  assert.equal(acl.wouldAllow('app-1', bob), false);
  assert.equal(acl.wouldAllow(id, bob), true);
  assert.equal(acl.wouldAllow(id.toLowerCase(), bob), true);
});

test('text in the form of an id is an id in rules, targets and requests, in any case, and never a name', () => {
  const acl = new Acl({ [id.toLowerCase()]: ['alice'], [`${id.slice(0, 4)}*`]: ['bob'], [otherId]: ['bob'] });
  assert.equal(acl.decide({ id, names: [] }, alice).allowed, true);
  // A rule for an id grants nothing on another lease that uses the id as its name, in either case.
  for (const name of [id, id.toLowerCase()]) {
    assert.equal(acl.decide({ id: otherId, names: [name] }, alice).allowed, false);
    assert.equal(acl.wouldAllow(name, bob), false);
  }
  // Prefixes match names only.
  assert.equal(new Acl({ [`${id.slice(0, 4)}*`]: ['*'] }).decide({ id, names: [] }, alice).allowed, false);
});

/** A slow reference implementation of the documented rules. */
function naive(rules: AclRules, target: AclTarget, who: Principal): boolean {
  const lets = (pattern: string): boolean => {
    const listed = rules[pattern] ?? [];
    if (listed.includes('anonymous')) return true;
    return who.kind !== 'anonymous' && (listed.includes('*') || listed.includes(who.id));
  };
  const patterns = Object.keys(rules);
  const exactId = patterns.filter((pattern) => pattern === target.id);
  const isId = (pattern: string): boolean => /^[A-Z2-7]{26}$/.test(pattern);
  const exactName = patterns.filter(
    (pattern) => !pattern.endsWith('*') && !isId(pattern) && target.names.map(foldName).includes(foldName(pattern)),
  );
  if (exactId.length > 0 && exactName.length > 0) return exactId.some(lets) && exactName.some(lets);
  if (exactId.length > 0 || exactName.length > 0) return [...exactId, ...exactName].some(lets);
  // Prefixes do not match the id: an identity whose id begins with a given prefix is quickly
  // generated.
  const texts = target.names.map(foldName);
  const prefixes = patterns.filter(
    (pattern) =>
      pattern.endsWith('*') && pattern !== '*' && texts.some((text) => text.startsWith(foldName(pattern.slice(0, -1)))),
  );
  if (prefixes.length > 0) return prefixes.some(lets);
  return patterns.includes('*') && lets('*');
}

test('decides like a naive implementation of the contract', () => {
  const name = fc.stringMatching(/^[abA]{1,4}$/);
  const pattern = fc.oneof(
    name,
    name.map((text) => `${text}*`),
    fc.constantFrom('*', id, otherId),
  );
  const listed = fc.subarray(['alice', 'bob', '*', 'anonymous', 'scope:x']);
  const rules = fc.dictionary(pattern, listed, { maxKeys: 8 });
  const target = fc.record({ id: fc.constantFrom(id, otherId), names: fc.array(name, { maxLength: 3 }) });
  const who = fc.constantFrom(alice, bob, anonymous);
  fc.assert(
    fc.property(rules, target, who, (someRules, someTarget, someone) => {
      const { allowed } = new Acl(someRules).decide(someTarget, someone);
      assert.equal(allowed, naive(someRules, someTarget, someone));
    }),
    { numRuns: 3_000 },
  );
});
