import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificate, otherCertificate, privateKeyFile, tlsFile } from '../../test/helpers/certificates.ts';
import { tempDirectory } from '../../test/helpers/temp-directory.ts';
import { loadConfig } from '../config/load/load.ts';
import { watchCertificates } from './certificate-expiry.ts';

test('repeats warnings about expiring certificates, using the current configuration', async (t) => {
  const directory = await tempDirectory(t);
  const key = await privateKeyFile(directory, 'key.pem');
  const otherKey = await privateKeyFile(directory, 'other-key.pem');
  const load = async (cert: string, keyFile: string): Promise<Parameters<typeof watchCertificates>[0]['config']> => {
    const file = join(directory, 'gateway.yaml');
    await writeFile(file, `tls: { enabled: true, cert_file: ${tlsFile(cert)}, key_file: ${keyFile} }`);
    const result = await loadConfig({ file, env: {} });
    assert.ok(result.ok);
    return () => result.config;
  };
  const [first, second] = [await load('cert.pem', key), await load('other-cert.pem', otherKey)];
  let config = first;
  let nowMs = new X509Certificate(certificate.cert).validToDate.getTime() - 3.5 * 86_400_000;
  let heard: (line: string) => void = () => undefined;
  const next = (): Promise<string> => new Promise((resolve) => (heard = resolve));
  const stop = watchCertificates({
    config: () => config(),
    now: () => new Date(nowMs),
    everyMs: 10,
    warn: (line) => {
      heard(line);
    },
    failed: (error) => {
      throw error;
    },
  });
  t.after(stop);
  for (let i = 0; i < 2; i += 1)
    assert.match(await next(), /^tls\.cert_file names a certificate that expires on \S+Z, in 3 days: renew it$/);
  config = second;
  nowMs = new X509Certificate(otherCertificate.cert).validToDate.getTime() + 1;
  while (!(await next()).includes('expired on ')) await next();
});
