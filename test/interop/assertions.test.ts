// Assertions from the gateway's signer to their verifiers: our own check with every kind of fault,
// and the code samples of docs/guides/assertions.md, run exactly as printed there.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { sign } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { before, describe, test, type TestContext } from 'node:test';
import { createSigningKey, publishedKeys } from '../../src/auth/signing-keys.ts';
import { AssertionCheck, type CheckedRequest } from '../../src/expose/assertions/assertion-check.ts';
import { about, caller, leaseId, testSigner } from '../helpers/assertions.ts';
import { needs } from '../helpers/needs.ts';

const start = Date.UTC(2030, 0, 1);
const request: CheckedRequest = { method: 'POST', target: '/path?query' };

function checked(): ReturnType<typeof testSigner> & { check: AssertionCheck } {
  const parts = testSigner(start);
  const check = new AssertionCheck({ audience: leaseId, nowMs: () => parts.time.nowMs });
  check.setKeys(parts.jwks);
  return { ...parts, check };
}

function claimsOf(assertion = ''): Record<string, unknown> {
  return JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

describe('our verifier', () => {
  test('bind none: one assertion for 30 s, valid for any request to the lease', async () => {
    const { signer, check, time } = checked();
    const first = signer.forLease(about());
    assert.deepEqual(claimsOf(first), {
      ...{ iss: 'https://gateway.test', aud: leaseId, sub: 'billing-bot', kind: 'key', scope: 'read mcp' },
      ...{ iat: start / 1000, exp: start / 1000 + 60 },
    });
    for (const each of [request, { method: 'GET', target: '/' }])
      assert.equal(await check.faultOf(first, each), undefined);
    time.nowMs += 29_999;
    assert.equal(signer.forLease(about()), first);
    time.nowMs += 1;
    assert.notEqual(signer.forLease(about()), first);
    assert.equal(await check.faultOf(first, request), undefined);
  });

  test('callers and leases never share an assertion', () => {
    const { signer } = checked();
    const all = [
      signer.forLease(about()),
      signer.forLease(about({ ...caller, scopes: ['read'] })),
      signer.forLease(about({ ...caller, kind: 'token', subject: 'billing-bot' })),
      signer.forLease(about({ ...caller, tenant: 'one' })),
      signer.forLease(about(caller, leaseId.replace('A', 'B'))),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  test('bind request: valid for this request, once', async () => {
    const { signer, check, time } = checked();
    const assertion = signer.forRequest(about(), request);
    assert.notEqual(assertion, signer.forRequest(about(), request));
    assert.equal(await check.faultOf(assertion, { ...request, method: 'GET' }), 'other_request');
    assert.equal(await check.faultOf(assertion, { ...request, target: '/path' }), 'other_request');
    assert.equal(await check.faultOf(assertion, request), undefined);
    assert.equal(await check.faultOf(assertion, request), 'replayed');
    time.nowMs += 34_999;
    assert.equal(await check.faultOf(assertion, request), 'replayed');
    time.nowMs += 1;
    assert.equal(await check.faultOf(assertion, request), 'expired');
  });

  test('rejects another lease, another time, another key, another algorithm, and no assertion', async () => {
    const { signer, check, time, jwks } = checked();
    const good = signer.forLease(about()) ?? '';
    const [head = '', body = '', signature = ''] = good.split('.');
    const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const kid = jwks.keys[0]?.kid;
    const other = createSigningKey(start);
    const forged = `${encoded({ alg: 'EdDSA', kid })}.${body}`;
    const cases: [string | undefined, string][] = [
      [undefined, 'missing'],
      ['', 'malformed'],
      [`${head}.${body}`, 'malformed'],
      ['x'.repeat(9000), 'malformed'],
      [`${encoded({ alg: 'none', kid })}.${body}.${signature}`, 'malformed'],
      [`${encoded({ alg: 'HS256', kid })}.${body}.${signature}`, 'malformed'],
      [`${encoded({ alg: 'EdDSA', kid: 'other' })}.${body}.${signature}`, 'unknown_key'],
      [`${forged}.${sign(null, Buffer.from(forged), other.privateKey).toString('base64url')}`, 'bad_signature'],
      [`${head}.${encoded({ ...claimsOf(good), sub: 'admin' })}.${signature}`, 'bad_signature'],
      [signer.forLease(about(caller, leaseId.replace('A', 'B'))), 'wrong_audience'],
    ];
    for (const [assertion, fault] of cases) assert.equal(await check.faultOf(assertion, request), fault);
    time.nowMs = start - 5_001;
    assert.equal(await check.faultOf(good, request), 'not_yet');
    time.nowMs = start + 65_000;
    assert.equal(await check.faultOf(good, request), 'expired');
    assert.throws(() => {
      check.setKeys({ keys: [{ kty: 'RSA' }] });
    }, /not a key set/);
    check.setKeys(publishedKeys([other]));
    assert.equal(await check.faultOf(good, request), 'unknown_key');
  });
});

/**
 * Code that runs the function of the page: reads the input from stdin, and prints the caller or
 * "refused".
 */
const around = {
  js: (code: string) => `${code}
    let text = ''; for await (const chunk of process.stdin) text += chunk;
    const { token, jwks, lease } = JSON.parse(text);
    try { console.log(check(token, jwks, lease).sub); } catch { console.log('refused'); }`,
  python: (code: string) => `${code}
import sys
question = json.load(sys.stdin)
try:
    print(check(question["token"], question["jwks"], question["lease"])["sub"])
except Exception:
    print("refused")
`,
  go: (code: string) => `${code.replace('import (', 'import (\n\t"fmt"\n\t"os"')}
func main() {
	var question struct { Token, Lease string; Jwks Keys }
	json.NewDecoder(os.Stdin).Decode(&question)
	claims, err := check(question.Token, question.Jwks, question.Lease)
	if err != nil { fmt.Println("refused") } else { fmt.Println(claims.Sub) }
}
`,
} as const;

describe('the verifiers in the guide', () => {
  let page = '';
  before(async () => {
    page = await readFile(join(import.meta.dirname, '../../docs/guides/assertions.md'), 'utf8');
  });

  async function written(t: TestContext, language: keyof typeof around, name: string): Promise<string> {
    const [, code] = new RegExp(`\`\`\`${language}\n([^]*?)\n\`\`\``).exec(page) ?? [];
    assert.ok(code !== undefined);
    const directory = await mkdtemp(join(tmpdir(), 'portal-gateway-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    await writeFile(join(directory, name), around[language](code));
    return join(directory, name);
  }

  async function answers(program: string, args: readonly string[]): Promise<void> {
    const { signer, jwks } = testSigner(Date.now());
    const { signer: late, jwks: lateJwks } = testSigner(Date.now() - 61_000);
    const token = signer.forLease(about()) ?? '';
    const ask = (question: object): Promise<string> =>
      new Promise((resolve, reject) => {
        const child = execFile(program, args, (error, stdout) => {
          if (error === null) resolve(stdout.trim());
          else reject(new Error('the check did not run', { cause: error }));
        });
        child.stdin?.end(JSON.stringify({ token, jwks, lease: leaseId, ...question }));
      });
    assert.deepEqual(
      await Promise.all([
        ask({}),
        ask({ lease: 'ANOTHER' }),
        ask({ token: late.forLease(about()), jwks: lateJwks }),
        ask({ jwks: publishedKeys([createSigningKey(0)]) }),
        ask({ token: `${token.slice(0, -4)}AAAA` }),
        ask({ token: 'nothing' }),
      ]),
      ['billing-bot', 'refused', 'refused', 'refused', 'refused', 'refused'],
    );
  }

  test('Node', async (t) => {
    await answers(process.execPath, [await written(t, 'js', 'check.mjs')]);
  });

  const python = needs('python3');
  test('Python', { skip: python.skip || missingModule(python.path) }, async (t) => {
    await answers(python.path, [await written(t, 'python', 'check.py')]);
  });

  const go = needs('go');
  // Go and that package are not required for work on the gateway: the samples run where both exist.
  test('Go', { skip: go.skip !== false && 'Go is not on this machine' }, async (t) => {
    const source = await written(t, 'go', 'check.go');
    const program = source.replace(/\.go$/, '');
    const environment = { ...process.env, GOFLAGS: '-mod=mod', GOPROXY: 'off', GO111MODULE: 'off' };
    execFileSync(go.path, ['build', '-o', program, source], { env: environment });
    await answers(program, []);
  });
});

function missingModule(python: string): string | false {
  try {
    execFileSync(python, ['-c', 'import cryptography'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'Python is without its package cryptography on this machine';
  }
}
