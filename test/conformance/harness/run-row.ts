// Plays one row against a gateway over HTTP/1.1: sends the request, waits for the expected events,
// then sends a follow-up request to check that gateway and app still work. check-app.ts and
// check-client.ts check the results.
import { connect } from 'node:net';
import type { Row, Step } from '../row.ts';
import { BytePeer } from './byte-peer.ts';
import { checkApp } from './check-app.ts';
import { checkClient, checkFollowUp, checkStatuses } from './check-client.ts';
import type { RawApp } from './raw-app.ts';
import { followUpPath } from './raw-app.ts';
import { readMessages, type Reading } from './read-messages.ts';
import type { Scene } from './scene.ts';

/** A row whose lease is published and whose placeholders are filled in. */
export interface Staged {
  readonly row: Row;
  readonly app: RawApp;
  readonly scene: Scene;
  readonly id: string;
  readonly key: string;
  /** Sent at the start of every connection. */
  readonly preface: string;
}

const probe = 'GET /health/live HTTP/1.1\r\nHost: gw.test\r\n\r\n';

export async function runRow({ row, app, scene, id, key, preface }: Staged, port: number): Promise<void> {
  const client = open(port, scene);
  app.clientReceived = () => client.received;
  try {
    const steps = typeof row.send === 'string' ? [row.send] : row.send;
    const sent = steps.map(textOf).join('');
    const methods = methodsIn(sent.startsWith(preface) ? sent.slice(preface.length) : sent);
    const reading = (): Reading =>
      readMessages(client.received, { kind: 'response', ended: client.over && !client.broken, methods });
    const due = row.client.responses.length;
    await client.play(steps, () => app.received);
    await scene.until(`${due} answers`, () => {
      const { messages, fault } = reading();
      return fault !== undefined || client.over || (messages[due - 1]?.whole ?? false);
    });
    checkStatuses(row, reading());
    if (row.client.then === 'open' || row.client.then === 'either') {
      methods.length = Math.max(methods.length, due);
      await client.send(probe);
      await scene.until('an answer to another request on the same connection, or its end', () => {
        return client.over || reading().fault !== undefined || (reading().messages[due]?.whole ?? false);
      });
    } else if (row.client.then === 'closed') {
      await scene.until('the gateway to close the connection', () => client.over);
    }
    const followed = open(port, scene);
    const line = `${preface}GET /peer/${id}${followUpPath} HTTP/1.1`;
    await followed.send(`${line}\r\nHost: gw.test\r\nX-API-Key: ${key}\r\nConnection: close\r\n\r\n`);
    await scene.until('the answer to a request afterwards', () => followed.over);
    followed.stream.destroy();
    await settle(row, app, scene);
    checkApp(row, app, key);
    checkClient(row, reading(), client, app);
    checkFollowUp(readMessages(followed.received, { kind: 'response', ended: true }));
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${transcript(client, app)}`, {
      cause: error,
    });
  } finally {
    client.stream.destroy();
  }
}

/** Waits for the app's side, which may see the outcome later than the client. */
async function settle(row: Row, app: RawApp, scene: Scene): Promise<void> {
  const [first] = app.requests;
  if (row.app?.tunnel === 'closed' && first !== undefined) {
    await scene.until('the tunnel to be closed', () => first.connection.over);
  }
  const { rest } = row.app ?? {};
  if (rest !== undefined && first !== undefined) {
    await scene.until('the app to receive what follows', () => first.connection.received.endsWith(rest));
  }
}

function open(port: number, scene: Scene): BytePeer {
  return new BytePeer(connect({ host: '127.0.0.1', port, allowHalfOpen: true }), scene);
}

function textOf(step: Step): string {
  if (typeof step === 'string') return step;
  return 'bytewise' in step ? step.bytewise : '';
}

/** The request methods, needed to know which responses have no body. */
function methodsIn(sent: string): string[] {
  return readMessages(sent, { kind: 'request', ended: true }).messages.map(({ start }) => start.split(' ')[0] ?? '');
}

function transcript(client: BytePeer, app: RawApp): string {
  const parts = [`client sent     ${show(client.sent)}`, `client received ${show(client.received)}${ending(client)}`];
  app.connections.forEach((connection, i) => {
    parts.push(`app ${i} received  ${show(connection.received)}${ending(connection)}`);
    parts.push(`app ${i} sent      ${show(connection.sent)}`);
  });
  return parts.join('\n');
}

function show(text: string): string {
  const shown = JSON.stringify(text.length > 1500 ? `${text.slice(0, 1500)}…` : text);
  return shown.replaceAll('\\r\\n', '\\r\\n\n                  ');
}

function ending({ over, broken }: BytePeer): string {
  if (broken) return ' [reset]';
  return over ? ' [end]' : '';
}
