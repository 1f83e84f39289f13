import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestCost } from './request-cost.ts';

test('no spelling of a path avoids its cost', () => {
  const cost = requestCost([{ lease: '*', path: '/größe/*', method: '', cost: 5 }]);
  const spelt = [
    '/gr%C3%B6%C3%9Fe/x',
    '/%67r%c3%b6%C3%9Fe/x?q',
    '/gr%C3%B6%C3%9Fe/x%',
    '/gr%C3%B6%C3%9Fe/x%ff',
    '/gr%C3%B6%C3%9Fe/%zz',
  ];
  for (const target of spelt) assert.equal(cost('id', ['app'], target, 'GET'), 5, target);
  assert.equal(cost('id', ['app'], '/gr%C3%B6%C3e/x', 'GET'), 1);
});
