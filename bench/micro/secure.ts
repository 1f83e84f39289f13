// Compares the secure channel with the cipher alone: small messages in µs of CPU, bulk data in MB
// per CPU second.
// Run: node bench/micro/secure.ts
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import process from 'node:process';
import { channelPair } from '../../test/helpers/channel-pair.ts';
import { FrameOpener } from '../../src/portal/secure/frame-opener.ts';
import { framePlaintextBytes, FrameSealer } from '../../src/portal/secure/frame-sealer.ts';
import { cipherName, cipherOptions, maxFrameBytes, overheadBytes } from '../../src/portal/secure/frame-format.ts';
import { HeaderPool, processHeaders } from '../../src/portal/secure/header-pool.ts';
import { createSmallFrameCipher } from '../../src/portal/secure/small-frame-cipher.ts';

const key = createSecretKey(randomBytes(32));
const rounds = 9;

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * Median of several rounds: µs of CPU time per call, which is less sensitive to other load than
 * wall-clock time.
 */
function time(calls: number, call: () => void): number {
  const results: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = cpuUs();
    for (let i = 0; i < calls; i += 1) call();
    results.push((cpuUs() - start) / calls);
  }
  return median(results);
}

function median(results: number[]): number {
  return results.sort((a, b) => a - b)[rounds >> 1] ?? NaN;
}

/**
 * Minimum of many short, interleaved rounds, for calls so short that only an undisturbed round is
 * meaningful.
 */
function least<Name extends string>(calls: Record<Name, () => void>): Record<Name, number> {
  const names = Object.keys(calls) as Name[];
  const best = Object.fromEntries(names.map((name) => [name, Infinity])) as Record<Name, number>;
  for (let round = 0; round < 60; round += 1) {
    for (const name of names) {
      const start = performance.now();
      for (let i = 0; i < 1000; i += 1) calls[name]();
      best[name] = Math.min(best[name], performance.now() - start); // ms per 1,000 calls = µs per call
    }
  }
  return best;
}

function row(name: string, us: number, bytes: number): void {
  console.log(`${name.padEnd(58)} ${us.toFixed(2).padStart(9)} us ${(bytes / us).toFixed(0).padStart(8)} MB/s of CPU`);
}

function rawSeal(plaintext: Buffer, nonce: Buffer): Buffer[] {
  const cipher = createCipheriv(cipherName, key, nonce, cipherOptions);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return [ciphertext, cipher.getAuthTag()];
}

function rawOpen(ciphertext: Buffer, tag: Buffer, nonce: Buffer): void {
  const decipher = createDecipheriv(cipherName, key, nonce, cipherOptions);
  decipher.update(ciphertext);
  decipher.setAuthTag(tag);
  decipher.final();
}

console.log('seal and open, one message');
for (const bytes of [100, 1300, 16 * 1024, framePlaintextBytes, 64 * 1024, 256 * 1024]) {
  const calls = Math.max(200, Math.min(20_000, Math.round(20_000_000 / bytes)));
  const plaintext = randomBytes(bytes);
  const nonce = randomBytes(12);
  const [ciphertext = plaintext, tag = nonce] = rawSeal(plaintext, nonce);
  row(
    `  ${bytes} bytes: the cipher alone`,
    time(calls, () => {
      rawSeal(plaintext, nonce);
      rawOpen(ciphertext, tag, nonce);
    }),
    bytes,
  );
  const sealer = new FrameSealer(key, processHeaders);
  const opener = new FrameOpener(key, maxFrameBytes, () => undefined);
  const wire = Buffer.concat(sealer.seal([plaintext]));
  row(
    `  ${bytes} bytes: FrameSealer + FrameOpener`,
    time(calls, () => {
      sealer.seal([plaintext]);
      opener.push(wire);
    }),
    bytes,
  );
}

console.log('\nseal / open one frame: WebAssembly next to node:crypto, minimum of many rounds, us of wall time');
{
  const cipher = createSmallFrameCipher();
  const keyBytes = key.export();
  const nothing = (): undefined => undefined;
  const sealer = new FrameSealer(key, processHeaders, framePlaintextBytes, null);
  const opener = new FrameOpener(key, maxFrameBytes, nothing, null);
  for (const bytes of [64, 300, 700, 1300, 2300, 3000, 4096, 5000, 6000, 8192]) {
    const plaintext = [randomBytes(bytes)];
    const wire = Buffer.concat(sealer.seal(plaintext));
    const results = least({
      sealWasm: () => {
        const header = processHeaders.next();
        header.writeUInt32BE(bytes + overheadBytes);
        cipher?.seal(keyBytes, header, plaintext, bytes);
      },
      sealNode: () => void sealer.seal(plaintext),
      openWasm: () => void cipher?.open(keyBytes, wire, 0, wire.length),
      openNode: () => {
        opener.push(wire);
      },
    });
    const cell = (name: keyof typeof results): string => results[name].toFixed(2).padStart(6);
    console.log(
      `  ${String(bytes).padStart(5)} bytes: WebAssembly ${cell('sealWasm')} / ${cell('openWasm')}   node:crypto ${cell('sealNode')} / ${cell('openNode')}`,
    );
  }
}

console.log('\nseal 1 MiB and open it from 32 KiB pieces, by plaintext size of a frame');
for (const frameBytes of [4, 16, 32, 65, 128].map((kib) => kib * 1024)) {
  const plaintext = randomBytes(1024 * 1024);
  const sealer = new FrameSealer(key, processHeaders, frameBytes);
  const opener = new FrameOpener(key, maxFrameBytes, () => undefined);
  const wire = Buffer.concat(sealer.seal([plaintext]));
  row(
    `  ${frameBytes} bytes`,
    time(30, () => {
      sealer.seal([plaintext]);
      for (let at = 0; at < wire.length; at += 32_768) opener.push(wire.subarray(at, at + 32_768));
    }),
    plaintext.length,
  );
}

console.log('\nseal 1300 bytes written in pieces');
for (const count of [1, 2, 4, 16]) {
  const pieces = Array.from({ length: count }, () => randomBytes(Math.round(1300 / count)));
  const sealer = new FrameSealer(key, processHeaders);
  row(
    `  joined first (as FrameSealer does): ${count}`,
    time(20_000, () => void sealer.seal(pieces)),
    1300,
  );
  row(
    `  one cipher call each: ${count}`,
    time(20_000, () => {
      const cipher = createCipheriv(cipherName, key, processHeaders.next().subarray(4), cipherOptions);
      for (const piece of pieces) cipher.update(piece);
      cipher.final();
      cipher.getAuthTag();
    }),
    1300,
  );
}

console.log('\nnonces');
const pool = new HeaderPool();
row(
  '  from the pool',
  time(50_000, () => void pool.next()),
  12,
);
row(
  '  drawn one by one',
  time(20_000, () => void randomBytes(12)),
  12,
);

console.log('\ntwo SecureChannels over an in-memory pipe');
{
  const { client, server } = channelPair({ windowBytes: 256 * 1024 });
  server.on('data', (chunk: Buffer) => server.write(chunk));
  const message = randomBytes(1300);
  const count = 3000;
  const results: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = cpuUs();
    for (let i = 0; i < count; i += 1) {
      client.write(message);
      let received = 0;
      while (received < message.length) {
        const [chunk] = (await once(client, 'data')) as [Buffer];
        received += chunk.length;
      }
    }
    results.push((cpuUs() - start) / count);
  }
  row('  1300 bytes there and back, one at a time', median(results), 2600);
}
{
  const { client, server } = channelPair({ windowBytes: 1024 * 1024, highWaterMarkBytes: 1024 * 1024 });
  server.resume();
  const chunk = randomBytes(64 * 1024);
  const count = 4000;
  const start = cpuUs();
  for (let i = 0; i < count; i += 1) if (!client.write(chunk)) await once(client, 'drain');
  client.end();
  await once(server, 'end');
  const us = cpuUs() - start;
  row('  bulk, one way (the pipe in memory copies once)', us / count, chunk.length);
  console.log(`  ${(us / 1e6 / ((count * chunk.length) / 2 ** 30)).toFixed(2)} CPU s per GiB sealed and opened`);
}
