import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { privateKeyFile, tlsFile } from '../../../test/helpers/certificates.ts';
import { faultLines, warningLines } from '../../../test/helpers/config.ts';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { loadConfig, type LoadResult } from '../load/load.ts';

const pem = (name: string): string => readFileSync(tlsFile(name), 'utf8');
const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const unfinished = `-----BEGIN CERTIFICATE-----\nMIIB\n`;

interface Files {
  readonly cert?: string;
  readonly key?: string;
  readonly keyMode?: number;
  readonly clientCa?: string;
  readonly now?: Date;
  /** Further settings of the section. */
  readonly more?: string;
}

async function load(t: TestContext, files: Files): Promise<{ directory: string; result: LoadResult }> {
  const directory = await tempDirectory(t);
  await writeFile(join(directory, 'cert.pem'), files.cert ?? pem('cert.pem'));
  await chmod(await privateKeyFile(directory, files.key ?? 'key.pem', 'key.pem'), files.keyMode ?? 0o600);
  const { clientCa, now, more = '' } = files;
  if (clientCa !== undefined) await writeFile(join(directory, 'ca.pem'), clientCa);
  const ca = clientCa === undefined ? '' : ', client_ca_file: ca.pem';
  const text = `tls: { enabled: true, cert_file: cert.pem, key_file: key.pem${ca}${more} }`;
  await writeFile(join(directory, 'gateway.yaml'), text);
  return {
    directory,
    result: await loadConfig({
      file: 'gateway.yaml',
      env: { GATEWAY_API_KEY: '5e3f0c9b7a1d4826' },
      workingDirectory: directory,
      ...(now !== undefined && { now: () => now }),
    }),
  };
}

describe('rejects certificates that OpenSSL or clients cannot use, naming the setting', () => {
  const cases: readonly (readonly [what: string, files: Files, fault: string | undefined])[] = [
    ['a certificate and its key', {}, undefined],
    ['a chain', { cert: pem('cert.pem') + pem('client-ca.pem') }, undefined],
    ['a CA for clients, with text around it', { clientCa: `a comment\n${pem('client-ca.pem')}\n` }, undefined],
    ['two CA certificates', { clientCa: pem('client-ca.pem') + pem('cert.pem') }, undefined],
    ['a CA certificate of version 1', { clientCa: pem('v1-ca.pem') }, undefined],
    [
      'an RSA key of 1024 bits',
      { cert: pem('weak-cert.pem'), key: 'weak-key.pem' },
      'tls.cert_file names a certificate that cannot be served: OpenSSL reports ee key too small',
    ],
    [
      'an RSA key of 1024 bits in the chain',
      { cert: pem('cert.pem') + pem('weak-cert.pem') },
      'tls.cert_file names a certificate that cannot be served: OpenSSL reports ca key too small',
    ],
    [
      'a broken block in the chain',
      { cert: `${pem('cert.pem')}${broken}${pem('client-ca.pem')}` },
      'tls.cert_file names a file that holds a malformed certificate, number 2 of 3: export it again as PEM',
    ],
    [
      'a block without an end',
      { cert: pem('cert.pem') + unfinished },
      'tls.cert_file names a file that holds a malformed certificate, number 2 of 2: export it again as PEM',
    ],
    [
      'a broken block between two CA certificates',
      { clientCa: pem('client-ca.pem') + broken + pem('cert.pem') },
      'tls.client_ca_file names a file that holds a malformed certificate, number 2 of 3: export it again as PEM',
    ],
    [
      'a leaf certificate as a CA',
      { clientCa: pem('client-cert.pem') },
      'tls.client_ca_file names a certificate that is not a certificate authority (CA:TRUE is missing), so it cannot have issued a client certificate',
    ],
    [
      'a leaf certificate after a CA',
      { clientCa: pem('client-ca.pem') + pem('client-cert.pem') },
      'tls.client_ca_file names certificate 2 that is not a certificate authority (CA:TRUE is missing), so it cannot have issued a client certificate',
    ],
    ['no PEM', { cert: 'x' }, 'tls.cert_file names a file that is not a PEM certificate'],
  ];
  for (const [what, files, fault] of cases) {
    test(what, async (t) => {
      const lines = faultLines((await load(t, files)).result);
      assert.deepEqual(
        lines.map((line) => line.replace(/^gateway\.yaml:1:\d+: /, '')),
        fault === undefined ? [] : [fault],
      );
    });
  }

  test('a broken block among the CA certificates of a relay', async (t) => {
    const directory = await tempDirectory(t);
    await writeFile(join(directory, 'ca.pem'), pem('client-ca.pem') + broken);
    const text = 'portal: { relays: [{ url: "wss://relay.example.com/relay", ca_file: ca.pem }] }';
    await writeFile(join(directory, 'gateway.yaml'), text);
    const result = await loadConfig({ file: 'gateway.yaml', env: {}, workingDirectory: directory });
    assert.match(
      faultLines(result).join(),
      /portal\.relays\[0\]\.ca_file names .* a malformed certificate, number 2 of 2/,
    );
  });
});

describe('rejects a TLS private key that others may access', () => {
  for (const [mode, says] of [
    [0o644, /tls\.key_file is in ".*key\.pem", but every user of this machine may use it: run "chmod 600 /],
    [0o640, /the users of its group may use it/],
    [0o602, /every user of this machine may change it/],
  ] as const) {
    test(`mode ${mode.toString(8)}`, async (t) => {
      const [line = '', ...more] = faultLines((await load(t, { keyMode: mode })).result);
      assert.match(line, says);
      assert.deepEqual(more, []);
    });
  }

  test('a directory that others may write to', async (t) => {
    const { directory } = await load(t, {});
    await chmod(directory, 0o777);
    const result = await loadConfig({ file: 'gateway.yaml', env: {}, workingDirectory: directory });
    assert.match(faultLines(result).join(), /tls\.key_file .* every user of this machine may write to the directory/);
  });
});

describe('the validity period of a certificate', () => {
  const { validToDate: end, validFromDate: begin } = new X509Certificate(pem('cert.pem'));
  const at = (date: Date, days: number): Date => new Date(date.getTime() + days * 86_400_000);
  for (const [what, now, says] of [
    ['expired', at(end, 0.1), `expired on ${end.toISOString()}`],
    ['ends today', at(end, -0.5), `expires on ${end.toISOString()}, in less than a day: renew it`],
    ['ends in 14 days', at(end, -14), `expires on ${end.toISOString()}, in 14 days: renew it`],
    ['ends in more than 14 days', at(end, -14.1), undefined],
    ['is not valid yet', at(begin, -1), `is not valid before ${begin.toISOString()}`],
  ] as const) {
    test(what, async (t) => {
      const { result } = await load(t, { now });
      const warnings = warningLines(result).filter((line) => line.includes('certificate'));
      assert.deepEqual(
        warnings.map((line) => line.replace(/^gateway\.yaml:1:\d+: /, '')),
        says === undefined ? [] : [`tls.cert_file names a certificate that ${says}`],
      );
    });
  }

  test('checks every certificate of the chain', async (t) => {
    const { validToDate } = new X509Certificate(pem('client-ca.pem'));
    const first = validToDate < end ? validToDate : end;
    const { result } = await load(t, { cert: pem('cert.pem') + pem('client-ca.pem'), now: at(first, 0.01) });
    assert.match(warningLines(result).join(), /tls\.cert_file names a certificate that expired/);
  });
});
