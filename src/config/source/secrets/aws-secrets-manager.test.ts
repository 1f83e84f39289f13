import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { faultLines, loadText } from '../../../../test/helpers/config.ts';
import { assertKey, assertKeyFault, loadKey, secretMark as mark } from '../../../../test/helpers/referenced-key.ts';
import {
  type AwsOptions,
  type SecretServer,
  startAwsSecretsManager,
} from '../../../../test/helpers/secret-managers.ts';
import type { LoadResult } from '../../load/load.ts';

const now = new Date('2026-05-06T07:08:09Z');
const account = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  region: 'eu-central-1',
};

interface Settings {
  readonly env?: Readonly<Record<string, string>>;
  readonly service?: Partial<AwsOptions>;
  readonly signal?: AbortSignal;
}

function environmentOf({ url }: SecretServer): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: account.region,
    AWS_ACCESS_KEY_ID: account.accessKeyId,
    AWS_SECRET_ACCESS_KEY: account.secretAccessKey,
  };
}

async function keyFrom(t: TestContext, reference: string, settings: Settings = {}): Promise<LoadResult> {
  const service = await startAwsSecretsManager(t, {
    ...account,
    nowMs: now.getTime(),
    secrets: {
      'gateway/keys': JSON.stringify({ one: mark, number: 7, list: [mark] }),
      text: mark,
      broken: `{"one":"${mark}`,
      bytes: Buffer.from(mark),
    },
    ...settings.service,
  });
  return loadKey(t, reference, {
    now: () => now,
    env: { ...environmentOf(service), ...settings.env },
    ...(settings.signal !== undefined && { signal: settings.signal }),
  });
}

function assertFault(result: LoadResult, says: string): void {
  assertKeyFault(result, says, account.secretAccessKey);
}

function assertUnavailable(result: LoadResult, says: string): void {
  assertKeyFault(result, says, account.secretAccessKey, 'secret_manager_unavailable');
}

const had = 'cannot be fetched from AWS Secrets Manager';

describe('a secret in AWS Secrets Manager, requested with a verified signature', () => {
  test('reads a field of JSON', async (t) => {
    assertKey(await keyFrom(t, 'aws-sm:gateway/keys#one'));
    assertKey(await keyFrom(t, 'aws-sm:gateway/keys#number'), '7');
  });

  test('reads the whole text', async (t) => {
    assertKey(await keyFrom(t, 'aws-sm:text'));
  });

  test('accepts an ARN', async (t) => {
    const arn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:gw-AbCdEf';
    assertKey(await keyFrom(t, `aws-sm:${arn}#k`, { service: { secrets: { [arn]: `{"k":"${mark}"}` } } }));
  });

  test('uses the credentials of a role', async (t) => {
    const sessionToken = 'IQoJb3JpZ2luX2VjEXAMPLE==';
    assertKey(await keyFrom(t, 'aws-sm:text', { service: { sessionToken }, env: { AWS_SESSION_TOKEN: sessionToken } }));
  });

  test('uses the default region, and prefers the service endpoint to the general one', async (t) => {
    const service = await startAwsSecretsManager(t, { ...account, nowMs: now.getTime(), secrets: { other: mark } });
    const env = {
      AWS_REGION: '',
      AWS_DEFAULT_REGION: account.region,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: service.url,
    };
    assertKey(await keyFrom(t, 'aws-sm:other', { env }));
  });

  test('is requested once, however many of its fields are used', async (t) => {
    const service = await startAwsSecretsManager(t, {
      ...account,
      nowMs: now.getTime(),
      secrets: { keys: '{"a":"key-a","b":"key-b"}' },
    });
    const text = 'auth: { keys: [{ id: a, key: "aws-sm:keys#a" }, { id: b, key: "aws-sm:keys#b" }] }';
    const result = await loadText(t, text, {
      now: () => now,
      env: environmentOf(service),
    });
    assert.deepEqual(faultLines(result), []);
    assert.deepEqual(
      service.asked.map(({ method, url, headers }) => [method, url, headers['content-type']]),
      [['POST', '/', 'application/x-amz-json-1.1']],
    );
  });
});

describe('reports a failed AWS secret at its reference', () => {
  const faults: readonly (readonly [string, string, string, Settings])[] = [
    ['an unknown name', 'aws-sm:other', `${had}: there is no such secret`, {}],
    ['a missing field', 'aws-sm:gateway/keys#two', 'names the field "two", which the secret does not have', {}],
    ['a field that is not text', 'aws-sm:gateway/keys#list', 'names the field "list", which is not text', {}],
    [
      'a field of a secret that is not JSON',
      'aws-sm:text#one',
      `${had}: the secret is not a JSON object, so it has no fields: leave #FIELD out`,
      {},
    ],
    [
      'a field of broken JSON',
      'aws-sm:broken#one',
      `${had}: the secret is not a JSON object, so it has no fields: leave #FIELD out`,
      {},
    ],
    ['bytes', 'aws-sm:bytes', `${had}: the secret is binary, but must be text`, {}],
    [
      'a wrong secret key',
      'aws-sm:text',
      `${had}: it responded with 400 InvalidSignatureException`,
      { env: { AWS_SECRET_ACCESS_KEY: 'another' } },
    ],
    [
      'a wrong clock',
      'aws-sm:text',
      `${had}: it responded with 400 InvalidSignatureException`,
      { service: { nowMs: now.getTime() + 600_000 } },
    ],
    [
      'another account',
      'aws-sm:text',
      `${had}: it responded with 400 UnrecognizedClientException`,
      { env: { AWS_ACCESS_KEY_ID: 'OTHER' } },
    ],
    ['no region', 'aws-sm:text', `${had}: AWS_REGION is not set`, { env: { AWS_REGION: '' } }],
    ['an invalid region', 'aws-sm:text', `${had}: AWS_REGION is not a valid region`, { env: { AWS_REGION: 'a/b' } }],
    [
      'no credentials',
      'aws-sm:text',
      `${had}: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must both be set`,
      { env: { AWS_SECRET_ACCESS_KEY: '' } },
    ],
    [
      'credentials with a line ending',
      'aws-sm:text',
      `${had}: the AWS credentials contain invalid characters`,
      { env: { AWS_ACCESS_KEY_ID: 'A\r\nB' } },
    ],
    [
      'an invalid endpoint',
      'aws-sm:text',
      `${had}: AWS_ENDPOINT_URL is not an http:// or https:// URL without a query`,
      { env: { AWS_ENDPOINT_URL: 'localhost:4566' } },
    ],
  ];
  for (const [what, reference, says, settings] of faults) {
    test(what, async (t) => {
      assertFault(await keyFrom(t, reference, settings), says);
    });
  }

  test('access denied', async (t) => {
    const result = await keyFrom(t, 'aws-sm:odd', {
      service: {
        secrets: {
          odd: (_, response) =>
            response
              .writeHead(400)
              .end(`{"__type":"AccessDeniedException","Message":"User is not authorized ${mark}"}`),
        },
      },
    });
    assertFault(result, `${had}: these credentials may not read it`);
  });

  for (const [what, body, says] of [
    ['a page', `<html>${mark}</html>`, 'its response contains no secret'],
    ['nothing', '', 'its response contains no secret'],
    ['too many bytes', `"${'x'.repeat(1024 * 1024)}"`, 'its response is too long'],
  ] as const) {
    test(`a service that responds with ${what}`, async (t) => {
      const result = await keyFrom(t, 'aws-sm:odd', {
        service: { secrets: { odd: (_, response) => response.end(body) } },
      });
      assertFault(result, `${had}: ${says}`);
    });
  }

  test('a service that does not respond: gives up after a limit', async (t) => {
    const result = await keyFrom(t, 'aws-sm:slow', {
      service: { secrets: { slow: () => undefined } },
      signal: AbortSignal.timeout(100),
    });
    assertUnavailable(result, `${had}: it did not respond in time`);
  });

  for (const [what, status, body, says] of [
    ['fails', 500, '', 'it responded with 500'],
    ['throttles', 400, '{"__type":"ThrottlingException"}', 'it responded with 400 ThrottlingException'],
  ] as const) {
    test(`a service that ${what}`, async (t) => {
      const result = await keyFrom(t, 'aws-sm:odd', {
        service: { secrets: { odd: (_, response) => response.writeHead(status).end(body) } },
      });
      assertUnavailable(result, `${had}: ${says}`);
    });
  }

  test('does not follow redirects', async (t) => {
    const result = await keyFrom(t, 'aws-sm:odd', {
      service: {
        secrets: { odd: (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end() },
      },
    });
    assertFault(result, `${had}: unexpected redirect`);
  });
});
