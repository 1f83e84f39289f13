// Every command of the pages runs as pasted, in order, on a machine that has seen none before.
import assert from 'node:assert/strict';
import process from 'node:process';
import { describe, test, type TestContext } from 'node:test';
import { hasProgram } from '../helpers/page-programs.ts';
import { runSteps } from '../helpers/page-reader.ts';
import { codeBlocks, pagePaths, pageText } from '../helpers/pages.ts';
import { commandsOf, keepsTerminal, stepsOf, type Step } from '../helpers/pasted-page.ts';

/** The reason to leave the step out. A need of one word is a program, which may be there. */
function unmet({ needs }: Step): string | false {
  const missing = needs.filter((need) => !/^[\w-]+$/.test(need) || !hasProgram(need));
  return missing.length > 0 && `needs ${missing.join(', ')}`;
}

const noTerminal =
  hasProgram('script') && hasProgram('git') ? false : 'needs script and git: apt-get install --yes bsdutils git';

const pages = pagePaths.map((page) => ({ page, steps: stepsOf(page) }));
describe('the commands of the pages', { concurrency: 3, skip: noTerminal }, () => {
  for (const { page, steps } of pages) {
    if (!steps.some((step) => step.page === page)) continue;
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

test('a block with a server in the foreground ends with it, and text names each new terminal', () => {
  const faults = pages.flatMap(({ page, steps }) => {
    const own = steps.filter((step) => step.page === page);
    const hidden = own.filter(
      ({ file, text }) => file === undefined && commandsOf(text).slice(0, -1).some(keepsTerminal),
    );
    const unnamed = own.filter((step) => {
      const before = steps[steps.indexOf(step) - 1]?.terminal ?? '';
      return step.terminal !== before && !/\bterminal\b/.test(step.prose);
    });
    return [
      ...hidden.map(({ line }) => `${page}:${line}: commands behind one that keeps the terminal`),
      ...unnamed.map(({ line }) => `${page}:${line}: the text does not say in which terminal`),
    ];
  });
  assert.deepEqual(faults, []);
});

describe('a page', { concurrency: 3, skip: noTerminal }, () => {
  const step = (text: string, prose = '', terminal = ''): Step => ({
    ...{ page: 'a.md', line: 1, text, prose, terminal, needs: [], output: [] },
  });
  const follow = async (t: TestContext, ...steps: Step[]): Promise<(string | undefined)[]> =>
    (await runSteps(t, steps)).map(({ failures }) => failures?.join('\n'));
  const relay = 'portal-gateway relay';

  test('runs in one shell on a terminal, and fails with its commands', async (t) => {
    const failures = await follow(
      t,
      step('export A="a b" && mkdir x && cd x\n'),
      step('test "$A" = "a b" && test "$(basename "$PWD")" = x && tty\n'),
      step('test -z "$A" && test "$(basename "$PWD")" = work\n', 'In a second terminal:', 'second'),
      step('true\nls missing\ntrue\n'),
      step('cat missing | sort\n'),
      step('exit 3\n'),
      step('true\n'),
    );
    assert.deepEqual(failures.slice(0, 3), ['', '', '']);
    assert.match(failures[3] ?? '', /^exit code \d: ls missing$/);
    assert.match(failures[4] ?? '', /^exit code 1: sort$/);
    assert.match(failures[5] ?? '', /^the commands end the shell$/);
    assert.equal(failures[6], undefined);
  });

  test('fails with a server that ends by itself, in the foreground and in the background', async (t) => {
    const start = 'portal-gateway start --config missing.yaml';
    const failures = await follow(t, step(`${start}\n`), step(`${start} &\n`));
    assert.match(failures[0] ?? '', /portal-gateway start has ended: [^]*missing\.yaml[^]*^exit code 1: /m);
    assert.match(failures[1] ?? '', /portal-gateway start has ended: [^]*^in the background: exit 1: /m);
  });

  test('has to stop a server before it starts another one on its port', async (t) => {
    const failures = await follow(
      t,
      step(`${relay} &\n`),
      step(`${relay} &\n`),
      step(`kill %1 && wait %1\n${relay} &\n`),
    );
    assert.equal(failures[0], '');
    assert.match(failures[1] ?? '', /^in the background: exit 75: portal-gateway relay/m);
    assert.equal(failures[2], '');
  });

  test('leaves no server running', async (t) => {
    let pid = Number.NaN;
    await t.test('a page that stops none', async (inner) => {
      const [result] = await runSteps(inner, [step(`${relay} &\necho "pid $!"\n`)]);
      pid = Number(/^pid (\d+)$/m.exec(result?.output ?? '')?.[1]);
      assert.ok(process.kill(pid, 0));
    });
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });

  test('has to say that Ctrl-C ends a command, or name another terminal', async (t) => {
    const failures = await follow(
      t,
      step(`${relay}\n`),
      step('true\n', 'Further on in another terminal:', 'other'),
      step('true\n', '', ''),
      step(`${relay} --port 4018\n`, 'Again in the other terminal:', 'other'),
      step(`${relay} --port 4018\n`, 'Stop it with Ctrl-C.', 'other'),
    );
    assert.deepEqual(failures, [
      '',
      '',
      `the terminal is taken by "${relay}", and the page does not say to press Ctrl-C`,
      '',
      '',
    ]);
  });
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

  test('continues a section of another page in its terminal', () => {
    const steps = stepsOf(
      'a.md',
      `<!-- after: README.md#publish-an-app-call-it-through-the-gateway -->\n${fence}sh\nls\n${fence}`,
    );
    assert.ok(steps.some(({ text }) => text.startsWith('curl ')));
    assert.ok(!steps.some(({ text }) => /git clone|portal-gateway dev/.test(text)));
    assert.equal(steps.at(-1)?.terminal, steps.at(-2)?.terminal);
  });

  const lines: readonly (readonly [string, boolean])[] = [
    ['portal-gateway expose 3000', true],
    ['portal-gateway relay & # or yours', false],
    ['portal-gateway relay # or yours', true],
    ['portal-gateway start --help', false],
    ['A="$(cat key)" portal-gateway start', true],
    ['portal-gateway expose 1 --json | jq .', true],
    ['portal-gateway expose 1 \\\n  --name x', true],
    ['portal-gateway expose 1 \\\n  --name x &', false],
    ['portal-gateway keys list', false],
    ['make run PORT=8081', true],
    ['make test', false],
  ];
  for (const [line, expected] of lines)
    test(`${expected ? 'keeps' : 'leaves'} the terminal: ${line}`, () => {
      assert.equal(keepsTerminal(commandsOf(line).at(-1) ?? ''), expected);
    });
});
