// Reads the recorded sessions with real relays (test/vectors/README.md, session.json), which are
// stored outside the repository, and completes the one message that the recording truncated.
import assert from 'node:assert/strict';
import { createHash, createSecretKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FrameOpener } from '../../src/portal/secure/frame-opener.ts';
import { hex } from './vectors.ts';

export interface RecordedInfo {
  readonly identity: { readonly id: string; readonly publicKeyHex: string };
  readonly address: readonly string[];
  readonly leases: readonly {
    readonly identity: { readonly id: string };
    readonly expires: string;
    readonly name: string;
    readonly alpn: readonly string[];
    readonly metadata: string;
  }[];
}

/** One step: a call of the recorded client, a result that it saw, or a websocket message. */
export interface RecordedStep {
  readonly do?: string;
  readonly see?: string;
  readonly as?: string;
  readonly on?: string;
  readonly text?: string;
  readonly leaseId?: string;
  readonly alpn?: string;
  readonly from?: 'client' | 'server';
  readonly hex?: string;
  readonly truncated?: boolean;
  readonly headHex?: string;
  readonly length?: number;
  readonly sha256?: string;
  readonly relayInfo?: RecordedInfo;
  readonly codeName?: string;
  readonly now?: string;
  readonly x25519PrivateHex?: string;
  readonly nonceHex?: string;
  readonly clientToServerKeyHex?: string;
  readonly serverToClientKeyHex?: string;
}

interface RecordedItem {
  readonly from: 'client' | 'server';
  readonly plaintextLength?: number;
  readonly plaintextHex?: string;
  readonly plaintextSha256?: string;
}

export interface RecordedSession {
  readonly name: string;
  readonly clientSeedHex: string;
  readonly clientId: string;
  readonly maxStreamWindow: number;
  readonly steps: readonly RecordedStep[];
  readonly streams: readonly {
    readonly stream: number;
    readonly connection?: string;
    readonly items: readonly RecordedItem[];
  }[];
}

const recordedSessionsPath: string = fileURLToPath(new URL('../../../shared/vectors/session.json', import.meta.url));

/** Undefined when the recordings are missing. */
export function readRecordedSessions(): readonly RecordedSession[] | undefined {
  if (!existsSync(recordedSessionsPath)) return undefined;
  return (JSON.parse(readFileSync(recordedSessionsPath, 'utf8')) as { sessions: readonly RecordedSession[] }).sessions;
}

/** The bytes of a websocket message, including the truncated one. */
export function messageOf(session: RecordedSession, step: RecordedStep): Buffer {
  return step.truncated === true ? completed(session, step) : hex(step.hex ?? '');
}

/**
 * The truncated message is an info response that ends in a lease's metadata, most of which is a
 * picture. The same session downloads that picture, so its bytes complete the message. The recorded
 * SHA-256 verifies the result.
 */
function completed(session: RecordedSession, step: RecordedStep): Buffer {
  const head = hex(step.headHex ?? '');
  const pictureAt = head.indexOf('base64,') + 'base64,'.length;
  const rest = `${downloadedBody(session).toString('base64')}","owner":"PortalApp Developer","hide":false}`;
  const message = Buffer.concat([head.subarray(0, pictureAt), Buffer.from(rest)]);
  assert.equal(message.length, step.length);
  assert.equal(sha256(message), step.sha256);
  return message;
}

/** The body of the only response on the session's only connection. */
function downloadedBody({ steps }: RecordedSession): Buffer {
  const connection = steps.findIndex((step) => step.see === 'connection');
  const plaintext: Buffer[] = [];
  const key = createSecretKey(hex(steps[connection]?.serverToClientKeyHex ?? ''));
  const opener = new FrameOpener(key, 2 ** 26, (piece) => plaintext.push(piece));
  const received = steps.slice(connection).filter(({ from }) => from === 'server');
  // Each frame's header is one message, and its body is another.
  for (const { hex: body } of received) if (body !== undefined && body.length > 24) opener.push(hex(body));
  const response = Buffer.concat(plaintext);
  return response.subarray(response.indexOf('\r\n\r\n') + 4);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
