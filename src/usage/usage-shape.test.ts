import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { isModelPath, isModelSocketPath } from './usage-shape.ts';

test('recognises paths of language models, in any spelling that some server accepts', () => {
  const paths = ['/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/messages', '/v1/embeddings'];
  paths.push('/openai/deployments/gpt/chat/completions', '/v1/complete', '/completions');
  for (const path of paths) {
    const spellings = [
      path,
      `${path}?api-version=1`,
      `${path}#x`,
      `${path}/`,
      `${path}//`,
      `${path}/.`,
      `${path}/x/..`,
    ];
    spellings.push(path.toUpperCase(), path.replaceAll('/', '//'), path.replaceAll('/', '/./'), `${path};v=1`);
    spellings.push(
      path.replaceAll('/', '\\'),
      path.replace('m', '%6d').replace('e', '%65'),
      path.replace('p', '%2570'),
    );
    spellings.push(path.replaceAll('/', '%2F'), `/a/..%2f..${path}`, path.replaceAll('/', '%5c'), `${path}?x=/a`);
    spellings.push(`/x${path}%3Fy`.replace('%3Fy', ''), `http://host${path}`);
    for (const spelling of spellings) assert.equal(isModelPath(spelling), true, spelling);
  }
});

test('rejects other paths', () => {
  const paths = [
    '/',
    '',
    '*',
    '/v1/models',
    '/v1/messages/count_tokens',
    '/v1/messages/batches',
    '/api/tags',
    '/complete',
  ];
  paths.push('/v1/chat', '/messages.html', '/v1/responses/resp_1', '/v1/responses/resp_1/cancel', '/x?/v1/messages');
  paths.push('/%', '/%zz/messagesx', '/v1/messages/..', '/tasks/1/complete', '/v1/audio/speech', '/realtime');
  for (const path of paths) assert.equal(isModelPath(path), false, path);
});

test('recognises one more path for upgrades', () => {
  assert.equal(isModelSocketPath('/v1/realtime?model=gpt'), true);
  assert.equal(isModelSocketPath('/v1/responses'), true);
  assert.equal(isModelSocketPath('/socket'), false);
});

test('a very long path takes linear time', () => {
  const took = (path: string): number => {
    const { user } = process.cpuUsage();
    isModelPath(path);
    return process.cpuUsage().user - user;
  };
  for (const part of ['/', '/a', '%2525252f', '../', ';', '%', '\\', '/..']) {
    took(part.repeat(1_000));
    assert.ok(took(part.repeat(65_536 / part.length)) < 20_000, part);
  }
});
