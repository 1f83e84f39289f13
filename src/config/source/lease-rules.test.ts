import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultLines, loadText, warningLines } from '../../../test/helpers/config.ts';
import type { LeaseRule } from './lease-rule.ts';

interface Row {
  readonly what: string;
  readonly text?: string;
  readonly variable?: string;
  readonly flags?: readonly LeaseRule[];
  readonly acl: Readonly<Record<string, readonly string[]>>;
}

const key = { GATEWAY_API_KEY: '5e3f0c9b7a1d48265e3f' };
const rows: readonly Row[] = [
  { what: 'a rule', variable: 'my-app=*', acl: { 'my-app': ['*'] } },
  { what: 'rules by comma', variable: 'a=*,b-*=x', acl: { a: ['*'], 'b-*': ['x'] } },
  { what: 'rules by spaces, commas and lines', variable: ' a=* , b=x\n\tc=y,', acl: { a: ['*'], b: ['x'], c: ['y'] } },
  { what: 'several principals of one lease', variable: 'a=x,A=y,a=x', acl: { a: ['x', 'y'] } },
  { what: 'a scope with a colon', variable: 'a=scope:mcp', acl: { a: ['scope:mcp'] } },
  { what: 'an empty variable', text: 'lease_acl: { a: [x] }', variable: '', acl: { a: ['x'] } },
  { what: 'only separators', text: 'lease_acl: { a: [x] }', variable: ' , ', acl: { a: ['x'] } },
  {
    what: 'a rule beside those of the file',
    text: 'lease_acl: { a: [x], b: [y] }',
    variable: 'c=z',
    acl: { a: ['x'], b: ['y'], c: ['z'] },
  },
  {
    what: 'a rule that replaces that of the file',
    text: 'lease_acl: { a: [x, y], b: [y] }',
    variable: 'a=z',
    acl: { b: ['y'], a: ['z'] },
  },
  {
    what: 'a rule that replaces that of the file in another spelling',
    text: 'lease_acl: { My-App: [x], "my-*": [y] }',
    variable: 'my-app=z',
    acl: { 'my-*': ['y'], 'my-app': ['z'] },
  },
  { what: 'a section without a value', text: 'lease_acl:', variable: 'a=z', acl: { a: ['z'] } },
  {
    what: 'flags over the variable over the file, for each lease',
    text: 'lease_acl: { a: [file], b: [file], c: [file] }',
    variable: 'b=variable,c=variable',
    flags: [{ pattern: 'c', principals: ['flag'] }],
    acl: { a: ['file'], b: ['variable'], c: ['flag'] },
  },
];

describe('lease rules from outside the file', () => {
  for (const { what, text = '#', variable, flags, acl } of rows) {
    test(what, async (t) => {
      const result = await loadText(t, text, {
        env: { ...key, ...(variable !== undefined && { LEASE_ACL: variable }) },
        ...(flags !== undefined && { flags: [{ name: '--allow', rules: flags }] }),
      });
      assert.deepEqual(faultLines(result), []);
      assert.ok(result.ok);
      assert.deepEqual(result.config.leaseAcl, acl);
      assert.ok(!warningLines(result).some((line) => line.includes('LEASE_ACL: is not a setting')));
    });
  }
});

describe('faults name the variable or the flag', () => {
  for (const [variable, ...says] of [
    ['my-app', /^LEASE_ACL: "my-app" is not LEASE=PRINCIPAL; separate rules by commas or spaces, as in /],
    ['a=b,c', /^LEASE_ACL: "c" is not LEASE=PRINCIPAL/],
    ['my-app: *, b: c', /^LEASE_ACL: "my-app:" is not LEASE=PRINCIPAL/],
    ['=b', /^LEASE_ACL: "=b" is not LEASE=PRINCIPAL/],
    ['b=', /^LEASE_ACL: "b=" is not LEASE=PRINCIPAL/],
    ['__proto__=b', /^LEASE_ACL: "__proto__=b" is not LEASE=PRINCIPAL/],
    ['a=b:c', /^LEASE_ACL: lease_acl\.a\[0\] has the unknown kind b:/],
    ['a=b|c', /^LEASE_ACL: lease_acl\.a\[0\] must be the id of a key, scope:…/],
    ['a*b=c', /^LEASE_ACL: lease_acl\["a\*b"\] must have a lease name/],
    [
      'a=sk_test_0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ29cxxo',
      /^LEASE_ACL: lease_acl\.a\[0\] must be the id of a key, not the key itself$/,
    ],
  ] as const) {
    test(variable.slice(0, 30), async (t) => {
      const lines = faultLines(await loadText(t, '#', { env: { ...key, LEASE_ACL: variable } }));
      assert.equal(lines.length, says.length, lines.join('\n'));
      for (const [i, pattern] of says.entries()) assert.match(lines[i] ?? '', pattern);
    });
  }

  test('a flag', async (t) => {
    const flags = [{ name: '--allow', rules: [{ pattern: 'a', principals: ['b:c'] }] }];
    assert.match(faultLines(await loadText(t, '#', { env: key, flags }))[0] ?? '', /^--allow: lease_acl\.a\[0\] has/);
  });

  test('a section of the file that is no map stays its own fault', async (t) => {
    const lines = faultLines(await loadText(t, 'lease_acl: 5', { env: { ...key, LEASE_ACL: 'a=b' } }));
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0] ?? '', /^gateway\.yaml:1:12: lease_acl must be a map/);
  });
});
