import { beforeAll, describe, expect, test } from '@jest/globals';
import { gatewayUnderTest } from '../support/gateway-under-test.ts';
import { logEvents } from '../support/log-lines.ts';
import { runPythonTests } from '../support/python-tests.ts';
import type { PythonTestRun } from '../support/python-tests.ts';
import { suiteServer } from '../support/suite-server.ts';
import { until } from '../support/until.ts';

// One Jest test per Python test, so that each is seen and counted. A name that is missing here or there fails.
const files: Readonly<Record<string, readonly string[]>> = {
  'test_notebook_clients.py': [
    'test_nbclient_runs_a_notebook',
    'test_nbclient_reports_a_failing_cell',
    'test_nbclient_goes_on_when_errors_are_allowed',
    'test_nbclient_waits_for_a_cell_that_is_silent_for_seconds',
    'test_nbclient_keeps_every_line_of_a_long_output',
    'test_nbclient_shows_a_large_result',
    'test_four_notebooks_at_once',
    'test_a_kernel_is_restarted_and_interrupted_through_the_manager',
    'test_papermill_runs_a_notebook_with_parameters',
    'test_papermill_reports_a_failing_cell',
    'test_an_unknown_kernel_is_refused_with_its_name',
  ],
  'test_kernel_protocol.py': [
    'test_clear_output',
    'test_completion',
    'test_display_data',
    'test_error',
    'test_execute_result',
    'test_execute_stderr',
    'test_execute_stdout',
    'test_history',
    'test_inspect',
    'test_is_complete',
    'test_kernel_info',
    'test_pager',
  ],
};

describe.each(Object.entries(files))('jupyter_server gateway client: %s', (file, names) => {
  // The client sends no token with its WebSockets.
  const server = suiteServer(() => gatewayUnderTest({ auth: 'none' }));
  let run: PythonTestRun = { results: new Map(), traffic: {} };

  beforeAll(async () => {
    run = await runPythonTests({ file, server: server.current, timeoutMs: 240_000 });
  }, 300_000);

  test.each(names)('%s', (name) => {
    expect(run.results.get(name)).toEqual({ outcome: 'passed', text: '' });
  });

  test('no test ran that is not listed here', () => {
    expect([...run.results.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });

  test('every request and message of the clients went through the gateway, by its own count', async () => {
    const seen = () => {
      const events = logEvents(server.current.log());
      const closed = events.filter(({ msg }) => msg === 'websocket closed');
      const requests = events.filter(({ msg }) => msg === 'request');
      const count = (method: string): number => requests.filter((event) => event['method'] === method).length;
      return {
        websockets: closed.length,
        messages: closed.reduce((sum, { receivedMessages }) => sum + Number(receivedMessages), 0),
        'requests POST': count('POST'),
        'requests DELETE': count('DELETE'),
      };
    };
    const { websockets, messages, 'requests POST': posts, 'requests DELETE': deletes } = run.traffic;
    await until({ what: 'end of all WebSockets' }, () => seen().websockets === websockets).catch(() => undefined);
    expect(seen()).toEqual({ websockets, messages, 'requests POST': posts, 'requests DELETE': deletes });
    expect(messages).toBeGreaterThan(10);
  });
});
