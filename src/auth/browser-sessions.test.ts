import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BrowserSessions } from './browser-sessions.ts';

const principal = { id: 'dev', kind: 'key', scopes: ['read', 'write'] } as const;

function create(): { sessions: BrowserSessions; pass: (ms: number) => void } {
  let nowMs = 1_000;
  const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs };
  return {
    sessions: new BrowserSessions({ principal, clock }),
    pass: (ms) => {
      nowMs += ms;
    },
  };
}

describe('browser sessions', () => {
  it('open by a link, once, and act as the caller', () => {
    const { sessions } = create();
    const link = sessions.createLink('my-app');
    const session = sessions.redeem(link, 'my-app') ?? '';
    assert.match(session, /^[\w-]{43}$/);
    assert.notEqual(session, link);
    assert.equal(sessions.find(session, 'my-app'), principal);
    assert.equal(sessions.redeem(link, 'my-app'), undefined);
    assert.equal(sessions.find(session, 'my-app'), principal);
  });

  it('accept neither a link as a session nor a session as a link', () => {
    const { sessions } = create();
    const link = sessions.createLink('my-app');
    assert.equal(sessions.find(link, 'my-app'), undefined);
    const session = sessions.redeem(link, 'my-app') ?? '';
    assert.equal(sessions.redeem(session, 'my-app'), undefined);
  });

  it('are for one lease; a try for another one does not use the link up', () => {
    const { sessions } = create();
    const link = sessions.createLink('my-app');
    assert.equal(sessions.redeem(link, 'other'), undefined);
    const session = sessions.redeem(link, 'my-app') ?? '';
    assert.equal(sessions.find(session, 'other'), undefined);
  });

  it('end at their time', () => {
    const { sessions, pass } = create();
    const [early, late] = [sessions.createLink('my-app'), sessions.createLink('my-app')];
    pass(299_999);
    const session = sessions.redeem(early, 'my-app') ?? '';
    pass(1);
    assert.equal(sessions.redeem(late, 'my-app'), undefined);
    pass(43_199_998);
    assert.equal(sessions.find(session, 'my-app'), principal);
    pass(1);
    assert.equal(sessions.find(session, 'my-app'), undefined);
  });

  it('reject every other text', () => {
    const { sessions } = create();
    const session = sessions.redeem(sessions.createLink('my-app'), 'my-app') ?? '';
    const changed = (session.startsWith('A') ? 'B' : 'A') + session.slice(1);
    for (const text of [
      '',
      'x',
      changed,
      `${session} `,
      session.slice(1),
      `${session}A`,
      'ü'.repeat(43),
      '\0'.repeat(43),
    ])
      assert.equal(sessions.find(text, 'my-app'), undefined, text);
  });

  it('are bounded: one more replaces the oldest', () => {
    const { sessions } = create();
    const links = Array.from({ length: 17 }, () => sessions.createLink('my-app'));
    assert.equal(sessions.redeem(links[0] ?? '', 'my-app'), undefined);
    const first = sessions.redeem(links[1] ?? '', 'my-app') ?? '';
    for (let i = 0; i < 63; i += 1) sessions.redeem(sessions.createLink('my-app'), 'my-app');
    assert.equal(sessions.find(first, 'my-app'), principal);
    sessions.redeem(sessions.createLink('my-app'), 'my-app');
    assert.equal(sessions.find(first, 'my-app'), undefined);
  });
});
