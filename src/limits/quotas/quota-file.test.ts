import assert from 'node:assert/strict';
import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { none, type QuotaCharge } from './quota.ts';
import { QuotaCalendar } from './quota-calendar.ts';
import { QuotaFile } from './quota-file.ts';
import { QuotaKeeper } from './quota-keeper.ts';
import { QuotaLedger, type UsageChange, type UsageRecord } from './quota-ledger.ts';

const clock = { monotonicMs: () => 0, wallMs: () => Date.parse('2026-11-24T12:00:00Z') };
const today = '2026-11-24';

function change(key: string, requests: number, period = today): UsageChange {
  return { key, period, used: { ...none, requests, bytes: 2, llmTokens: 3 }, added: { ...none, requests: 1 } };
}

function record(key: string, requests: number, period = today): UsageRecord {
  return { key, period, used: { ...none, requests, bytes: 2, llmTokens: 3 } };
}

async function place(t: TestContext): Promise<string> {
  return join(await tempDirectory(t), 'state', 'quotas.jsonl');
}

let open: QuotaFile | undefined;

/** Opens the file again, as a restart would. */
async function reopened(t: TestContext, path: string, maxLines?: number): Promise<[QuotaFile, readonly UsageRecord[]]> {
  await open?.close();
  const file = new QuotaFile({ path, clock, ...(maxLines !== undefined && { maxLines }) });
  open = file;
  t.after(() => file.close());
  await file.load();
  return [file, await file.prepare()];
}

function sorted(records: readonly UsageRecord[]): UsageRecord[] {
  return records.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

describe('the quota file', () => {
  test('keeps the saved usage across a restart, and is private', async (t) => {
    const path = await place(t);
    const [file, nothing] = await reopened(t, path);
    assert.deepEqual(nothing, []);
    await file.save([change('a', 1), change('b', 1)]);
    await file.save([change('a', 2), change('a', 9, '2026-11')]);
    const [, records] = await reopened(t, path);
    assert.deepEqual(sorted(records), [record('a', 2), record('a', 9, '2026-11'), record('b', 1)]);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  test('skips an incomplete last line after a crash, and any other malformed line', async (t) => {
    const path = await place(t);
    const [file] = await reopened(t, path);
    await file.save([change('a', 1)]);
    const lines = [
      '',
      'x',
      '[]',
      '1',
      '{"key":"a"}',
      '{"key":"a","period":"today","requests":1,"bytes":1,"llm_tokens":1}',
    ];
    lines.push('{"key":"a","period":"2026-11-24","requests":-1,"bytes":1,"llm_tokens":1}');
    lines.push('{"key":"a","period":"2026-11-24","requests":5,"by');
    await appendFile(path, lines.join('\n'));
    const [again, records] = await reopened(t, path);
    assert.deepEqual(records, [record('a', 1)]);
    await again.save([change('a', 6)]);
    assert.deepEqual((await reopened(t, path))[1], [record('a', 6)]);
  });

  test('does not grow: it is rewritten without expired periods', async (t) => {
    const path = await place(t);
    const [file] = await reopened(t, path, 20);
    await file.save([change('old', 1, '2026-10-01'), change('old', 1, '2026-09'), change('b', 1, '2026-10')]);
    for (let i = 1; i <= 100; i += 1) await file.save([change('a', i)]);
    const text = await readFile(path, 'utf8');
    assert.ok(text.split('\n').length < 30, text);
    assert.deepEqual(sorted((await reopened(t, path))[1]), [record('a', 100), record('b', 1, '2026-10')]);
  });

  test('a clock that runs ahead into later days and months for a while reopens no quota', async (t) => {
    const path = await place(t);
    const [file] = await reopened(t, path);
    let nowMs = clock.wallMs();
    const ledger = new QuotaLedger({ clock: { monotonicMs: () => 0, wallMs: () => nowMs } });
    const limits = { requests: 10 };
    const chargeOf = (key: string): QuotaCharge => ({
      key,
      quotas: { calendar: new QuotaCalendar('UTC'), daily: limits, monthly: limits },
    });
    const count = async (key: string, requests: number): Promise<void> => {
      ledger.add(chargeOf(key), { ...none, requests });
      const changes = ledger.changes(100);
      ledger.settle(changes, await file.save(changes));
    };
    const left = (): number[] => ledger.look(chargeOf('a')).states.map(({ remaining }) => remaining);
    await count('a', 10);
    nowMs += 40 * 86_400_000;
    for (let i = 0; i < 10; i += 1) await count(`other-${i}`, 1);
    nowMs -= 40 * 86_400_000;
    await count('a', 1);
    assert.deepEqual(left(), [0, 0]);
    const [, records] = await reopened(t, path);
    const kept = records.filter(({ key }) => key === 'a').map(({ used }) => used.requests);
    assert.deepEqual(kept, [10, 10]);
  });

  test('a crash during a rewrite leaves the previous file', async (t) => {
    const path = await place(t);
    const [file] = await reopened(t, path);
    await file.save([change('a', 1)]);
    await writeFile(`${path}.new`, '{"key":"a","per');
    assert.deepEqual((await reopened(t, path))[1], [record('a', 1)]);
  });

  test('another process does not overwrite it, and continues from its state after it is closed', async (t) => {
    const path = await place(t);
    const [first] = await reopened(t, path);
    await first.save([change('a', 1)]);
    const second = new QuotaFile({ path, clock });
    t.after(() => second.close());
    assert.deepEqual(await second.load(), [record('a', 1)]);
    await assert.rejects(
      second.prepare(),
      /another gateway stores its quotas in the same state directory.*XDG_STATE_HOME.*rate_limit/,
    );
    await first.save([change('a', 2)]);
    await first.close();
    assert.deepEqual(await second.prepare(), [record('a', 2)]);
  });

  test('reports a fault, and the next attempt writes the same changes', async (t) => {
    const path = await place(t);
    const [file] = await reopened(t, path);
    await file.save([change('a', 1)]);
    await file.close();
    await rm(path);
    await mkdir(join(path, 'in the way'), { recursive: true });
    await assert.rejects(file.save([change('a', 2)]));
    await rm(path, { recursive: true });
    await file.save([change('a', 2)]);
    assert.deepEqual((await reopened(t, path))[1], [record('a', 2)]);
  });

  test("a directory that is not writable causes Node's error, with its code", async (t) => {
    const directory = await tempDirectory(t);
    await writeFile(join(directory, 'file'), '');
    await assert.rejects(new QuotaFile({ path: join(directory, 'file', 'quotas.jsonl'), clock }).prepare(), {
      code: 'ENOTDIR',
    });
  });

  for (const inTheWay of ['quotas.jsonl.lock', 'quotas.jsonl.new']) {
    test(`that is readable but not writable (${inTheWay}) takes effect, and is written once possible`, async (t) => {
      const path = await place(t);
      const [file] = await reopened(t, path);
      await file.save([change('a', 3), change('b', 1)]);
      await file.close();
      const obstacle = join(dirname(path), inTheWay);
      await rm(obstacle, { force: true });
      await mkdir(join(obstacle, 'in the way'), { recursive: true });
      const ledger = new QuotaLedger({ clock });
      const changes: string[] = [];
      const keeper = new QuotaKeeper({
        ...{ ledger, store: new QuotaFile({ path, clock }), everyMs: 1e9 },
        changed: (state) => changes.push(state),
      });
      t.after(() => keeper.close());
      await keeper.open(1);
      await keeper.keep();
      const limits = { requests: 3 };
      const quotas = { calendar: new QuotaCalendar('UTC'), daily: limits, monthly: undefined };
      assert.deepEqual(
        ['a', 'b'].map((key) => ledger.look({ key, quotas }).refusedBy?.resource),
        ['requests', undefined],
      );
      ledger.count({ key: 'b', quotas });
      await keeper.keep();
      assert.deepEqual(changes, ['failing']);
      await rm(obstacle, { recursive: true });
      await keeper.keep();
      await keeper.close();
      const [, records] = await reopened(t, path);
      assert.deepEqual(
        sorted(records).map(({ used }) => used.requests),
        [3, 2],
      );
    });
  }
});
