// `start` with TLS: the configured certificates, and how changes to them apply at run time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { certificate, otherCertificate, privateKeyFile, tlsFile } from '../helpers/certificates.ts';
import { runCli, startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';
import { markedKey } from '../secrecy/marks.ts';

interface Started {
  readonly cli: CliProcess;
  readonly url: string;
  readonly directory: string;
  /** The subject of the certificate that is served for a name. */
  readonly served: (servername: string) => Promise<string>;
}

async function place(directory: string, cert: string, key: string): Promise<void> {
  await copyFile(tlsFile(cert), join(directory, 'cert.pem'));
  await privateKeyFile(directory, key, 'key.pem');
}

async function startSecure(t: TestContext, tls: string): Promise<Started> {
  const directory = await temporaryDirectory(t);
  await place(directory, 'cert.pem', 'key.pem');
  const file = join(directory, 'gateway.yaml');
  await writeFile(file, `gateway: { port: 0 }\ntls: { enabled: true, cert_file: cert.pem, key_file: key.pem${tls} }\n`);
  const cli = startCli(t, ['start', '--config', file], {
    XDG_STATE_HOME: directory,
    GATEWAY_API_KEY: markedKey('test'),
  });
  const [, url = ''] = await cli.line(/"url":"(https:[^"]+)".*"message":"listening"/);
  return {
    cli,
    url,
    directory,
    served: async (servername) => {
      const { hostname: host, port } = new URL(url);
      const ca = [certificate.cert, otherCertificate.cert];
      const checkServerIdentity = (): undefined => undefined;
      const socket = connectTls({ host, port: Number(port), servername, ca, checkServerIdentity });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerX509Certificate() ?? { subject: '' };
      socket.destroy();
      return subject;
    },
  };
}

test('serves HTTP/2, and new certificates after a reload', async (t) => {
  const { cli, url, directory, served } = await startSecure(t, '');
  const client = connectHttp2(url, { ca: certificate.cert, servername: 'localhost' });
  const health = client.request({ ':path': '/health/live' });
  assert.match(await text(health), /live/);
  client.close();
  assert.equal(await served('localhost'), 'CN=localhost');
  await place(directory, 'other-cert.pem', 'other-key.pem');
  cli.child.kill('SIGHUP');
  await cli.line(/"message":"configuration reloaded"/);
  assert.equal(await served('localhost'), 'CN=a.peers.localhost');
});

test('reports a key that does not match, and keeps the previous pair', async (t) => {
  const { cli, directory, served } = await startSecure(t, '');
  await copyFile(tlsFile('other-cert.pem'), join(directory, 'cert.pem'));
  cli.child.kill('SIGHUP');
  await cli.line(/key_file is not the key of the certificate[^]*"message":"configuration rejected/);
  assert.equal(await served('localhost'), 'CN=localhost');
});

test('also reports faults that only OpenSSL finds, and applies nothing of that configuration', async (t) => {
  const { cli, directory, served } = await startSecure(t, '');
  // The first certificate matches the key; the block after it is not a certificate.
  const broken = `${await readFile(tlsFile('cert.pem'), 'utf8')}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`;
  await writeFile(join(directory, 'cert.pem'), broken);
  cli.child.kill('SIGHUP');
  await cli.line(
    /tls\.cert_file names a file that holds a malformed certificate, number 2 of 2[^]*"message":"configuration rejected/,
  );
  assert.equal(await served('localhost'), 'CN=localhost');
});

test('applies certificates by name and the minimum version from the configuration', async (t) => {
  const otherKey = await privateKeyFile(await temporaryDirectory(t), 'other-key.pem');
  const more = `, min_version: "1.2", certificates: [{ cert_file: ${tlsFile('other-cert.pem')}, key_file: ${otherKey} }]`;
  const { url, served } = await startSecure(t, more);
  assert.equal(await served('x.other.localhost'), 'CN=a.peers.localhost');
  assert.equal(await served('localhost'), 'CN=localhost');
  const { hostname: host, port } = new URL(url);
  const socket = connectTls({
    host,
    port: Number(port),
    servername: 'localhost',
    ca: certificate.cert,
    maxVersion: 'TLSv1.2',
  });
  await once(socket, 'secureConnect');
  socket.destroy();
});

test('a gateway with unusable certificates does not start, and prints one line with the reason', async (t) => {
  const directory = await temporaryDirectory(t);
  await place(directory, 'cert.pem', 'key.pem');
  const broken = `${await readFile(tlsFile('cert.pem'), 'utf8')}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`;
  await writeFile(join(directory, 'cert.pem'), broken);
  const file = join(directory, 'gateway.yaml');
  const relay = 'portal: { relay_url: "ws://127.0.0.1:1" }';
  await writeFile(file, `${relay}\ntls: { enabled: true, cert_file: cert.pem, key_file: key.pem }\n`);
  const cli = startCli(t, ['start', '--config', file, '--port', '0'], { XDG_STATE_HOME: directory });
  assert.equal(await cli.exited, 1);
  assert.match(cli.stderr(), /^[^\n]*tls\.cert_file names a file that holds a malformed certificate[^\n]*\n$/);
});

test('health reports an untrusted certificate, and a listener that speaks TLS', async (t) => {
  const { url } = await startSecure(t, '');
  const untrusted = await runCli(t, ['health', '--url', url], {});
  assert.equal(untrusted.code, 1);
  assert.match(untrusted.stderr, /the certificate of https:.* is not trusted .*NODE_EXTRA_CA_CERTS/);
  const plain = await runCli(t, ['health', '--url', url.replace('https:', 'http:')], {});
  assert.equal(plain.code, 1);
  assert.match(plain.stderr, /write https:\/\/ in --url/);
});
