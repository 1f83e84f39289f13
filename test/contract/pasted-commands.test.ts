// Every command of the pages runs as pasted, in order, on a machine that has seen none before.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasProgram, runSteps } from '../helpers/page-terminal.ts';
import { codeBlocks, pagePaths, pageText } from '../helpers/pages.ts';
import { inTerminals, stepsOf, type Step } from '../helpers/pasted-page.ts';

/** The reason to leave the step out. A need of one word is a program, which may be there. */
function unmet({ needs }: Step): string | false {
  const missing = needs.filter((need) => !/^[\w-]+$/.test(need) || !hasProgram(need));
  return missing.length > 0 && `needs ${missing.join(', ')}`;
}

const noTerminal =
  hasProgram('script') && hasProgram('git') ? false : 'needs script and git: apt-get install --yes bsdutils git';

const pages = pagePaths.map((page) => ({ page, steps: stepsOf(page) }));
/** Pages that others continue run as a part of these. */
const continued = new Set(
  pages.flatMap(({ page, steps }) => steps.map((step) => step.page).filter((name) => name !== page)),
);

describe('the commands of the pages', { concurrency: 3, skip: noTerminal }, () => {
  for (const { page, steps } of pages) {
    if (continued.has(page) || !steps.some((step) => step.page === page)) continue;
    test(page, async (t) => {
      const results = await runSteps(
        t,
        steps.filter((step) => unmet(step) === false),
      );
      for (const { step, failures, output } of results) {
        await t.test(`${step.page}:${step.line}`, () => {
          assert.deepEqual(failures, [], `${step.text}\n${output}`);
          for (const text of step.output) assert.ok(output.includes(text), `no ${text} in\n${output}`);
        });
      }
      for (const step of steps.filter((each) => unmet(each) !== false))
        await t.test(`${step.page}:${step.line}`, { skip: unmet(step) }, () => undefined);
    });
  }
});

test('every block has a language, and stands at the margin where the tests find it', () => {
  const faults = pagePaths.flatMap((page) => [
    ...codeBlocks(pageText(page))
      .filter(({ language }) => !/^[a-z]+$/.test(language))
      .map(({ line }) => `${page}:${line}: a block without a language`),
    ...Array.from(pageText(page).matchAll(/^ +```.*$/gm), ([line]) => `${page}: an indented block: ${line}`),
  ]);
  assert.deepEqual(faults, []);
});

test('a command that fails, hangs up or ends too soon is found', { skip: noTerminal }, async (t) => {
  const step = (text: string): Step => ({ page: 'a.md', line: 1, text, needs: [], output: [] });
  const results = await runSteps(t, [
    step('export A="a b" && mkdir x && cd x\n'),
    step('test "$A" = "a b" && test "$(basename "$PWD")" = x && tty\n'),
    step('true\nls missing\ntrue\n'),
    step('cat missing | sort\n'),
    step('portal-gateway start --config missing.yaml\n'),
    step('exit 3\n'),
    step('true\n'),
  ]);
  const failures = results.map((result) => result.failures?.join('\n'));
  assert.deepEqual(failures.slice(0, 2), ['', '']);
  assert.match(failures[2] ?? '', /^exit code \d: ls missing$/);
  assert.match(failures[3] ?? '', /^exit code 1: cat missing \| sort|sort$/);
  assert.match(failures[4] ?? '', /portal-gateway start has ended: [^]*missing\.yaml/);
  assert.deepEqual(failures.slice(5), [undefined, undefined]);
});

describe('reading a page', () => {
  const fence = '```';
  const page = [
    '<!-- file: gateway.yaml -->',
    '',
    `${fence}yaml\nlogging: {}\n${fence}`,
    'Text.',
    '<!-- needs: docker -->',
    '<!-- output: hello -->',
    `${fence}sh\ndocker run\n${fence}`,
    `${fence}sh\nls\n${fence}`,
    `${fence}json\n{}\n${fence}`,
  ].join('\n');

  test('finds commands and files, with the comments directly above them', () => {
    assert.deepEqual(
      stepsOf('a.md', page).map(({ line, file, needs, output, text }) => [line, file, needs, output, text]),
      [
        [3, 'gateway.yaml', [], [], 'logging: {}\n'],
        [9, undefined, ['docker'], ['hello'], 'docker run\n'],
        [12, undefined, [], [], 'ls\n'],
      ],
    );
  });

  test('rejects a comment of the form that is not known', () => {
    assert.throws(
      () => stepsOf('a.md', `<!-- need: docker -->\n${fence}sh\nls\n${fence}`),
      /a\.md:1: unknown directive/,
    );
  });

  const lines: readonly (readonly [string, string])[] = [
    ['portal-gateway expose 3000', 'portal-gateway expose 3000 &'],
    ['portal-gateway relay & # or yours', 'portal-gateway relay & # or yours'],
    ['portal-gateway relay # or yours', 'portal-gateway relay &'],
    ['portal-gateway start --help', 'portal-gateway start --help'],
    ['A="$(cat key)" portal-gateway start', 'A="$(cat key)" portal-gateway start &'],
    ['portal-gateway expose 1 --json | jq .', 'portal-gateway expose 1 --json | jq . &'],
    ['portal-gateway expose 1 \\\n  --name x', 'portal-gateway expose 1    --name x &'],
    ['portal-gateway keys list', 'portal-gateway keys list'],
  ];
  for (const [line, expected] of lines)
    test(`a terminal of its own for: ${line}`, () => {
      assert.equal(inTerminals(line), expected);
    });
});
