import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as prom from 'prom-client';
import { parseExposition, valueOf } from '../../../test/helpers/exposition.ts';
import { CounterOrGauge, counter, Histogram, Family, gauge, histogram } from './family.ts';

test('a counter, a gauge and a histogram follow the exposition format', () => {
  const requests = counter({ name: 'requests_total', help: 'Requests.', labels: ['method'] });
  requests.of('GET').value += 2;
  assert.equal(
    requests.text(),
    '# HELP portal_gateway_requests_total Requests.\n# TYPE portal_gateway_requests_total counter\nportal_gateway_requests_total{method="GET"} 2\n',
  );
  const active = gauge({ name: 'active', help: 'Active.' });
  assert.match(active.text(), /\nportal_gateway_active 0\n$/);
  const seconds = histogram({ name: 'seconds', help: 'Seconds.', bounds: [0.1, 1] });
  for (const value of [0.1, 0.5, 1.5]) seconds.of().observe(value);
  assert.match(
    seconds.text(),
    /\n\w+_bucket\{le="0.1"\} 1\n\w+_bucket\{le="1"\} 2\n\w+_bucket\{le="\+Inf"\} 3\n\w+_sum 2.1\n\w+_count 3\n$/,
  );
});

const unit = fc.constantFrom('"', '\\', '\n', '\r', '\u2028', '{', '}', ',', '=', 'n', 'é', '日', '😀');

test('any label value can be parsed back', () => {
  fc.assert(
    fc.property(fc.string({ unit }), fc.string(), (one, two) => {
      const family = counter({ name: 'x_total', help: 'A \\ and a\nline.', labels: ['one', 'two'] });
      family.of(one, two).value = 7;
      const parsed = parseExposition(family.text());
      assert.equal(valueOf(parsed, 'portal_gateway_x_total', { one, two }), 7);
    }),
  );
});

const observation = fc.record({
  label: fc.constantFrom('a', 'b"c', 'd\\e\n'),
  value: fc.oneof(fc.double({ min: 0, max: 20, noNaN: true }), fc.constantFrom(0, 0.25, 1, 1e9)),
});

test('matches the output of prom-client for the same observations', async () => {
  const bounds = [0, 0.25, 1, 10];
  await fc.assert(
    fc.asyncProperty(fc.array(observation), async (observations) => {
      const registry = new prom.Registry();
      const about = { help: 'Help.', labelNames: ['label'], registers: [registry] };
      const oracle = {
        counter: new prom.Counter({ ...about, name: 'c_total' }),
        histogram: new prom.Histogram({ ...about, name: 'h', buckets: bounds }),
      };
      const ours = {
        counter: new Family(
          { name: 'c_total', type: 'counter', help: 'Help.', labels: ['label'] },
          () => new CounterOrGauge(),
        ),
        histogram: new Family(
          { name: 'h', type: 'histogram', help: 'Help.', labels: ['label'] },
          () => new Histogram(bounds),
        ),
      };
      for (const { label, value } of observations) {
        oracle.counter.inc({ label }, value);
        oracle.histogram.observe({ label }, value);
        ours.counter.of(label).value += value;
        ours.histogram.of(label).observe(value);
      }
      assert.deepEqual(
        parseExposition(ours.counter.text() + ours.histogram.text()),
        parseExposition((await registry.metrics()).replaceAll('\n\n', '\n')),
      );
    }),
  );
});

test('label sets beyond the maximum of a family share one', () => {
  const family = counter({ name: 'x_total', help: 'X.', labels: ['a', 'b'], maxValues: 3 });
  for (let i = 0; i < 100; i += 1) family.of(`a${i}`, 'b').value += 1;
  const samples = parseExposition(family.text()).get('portal_gateway_x_total')?.samples ?? [];
  assert.deepEqual(
    samples.map(({ labels, value }) => [labels['a'], value]),
    [
      ['a0', 1],
      ['a1', 1],
      ['a2', 1],
      ['other', 97],
    ],
  );
});

test('writes NaN and infinities as the format specifies', () => {
  const family = gauge({ name: 'x', help: 'X.', labels: ['a'] });
  for (const [name, value] of Object.entries({ nan: NaN, up: Infinity, down: -Infinity }))
    family.of(name).value = value;
  assert.match(family.text(), /"nan"\} NaN\n.*"up"\} \+Inf\n.*"down"\} -Inf\n$/);
});
