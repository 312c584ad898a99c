import { beforeAll, describe, expect, test } from '@jest/globals';
import { gatewayUnderTest } from '../support/gateway-under-test.ts';
import { runPythonTests } from '../support/python-tests.ts';
import type { PythonTestResults } from '../support/python-tests.ts';
import { suiteServer } from '../support/suite-server.ts';

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
  let results: PythonTestResults = new Map();

  beforeAll(async () => {
    results = await runPythonTests({ file, server: server.current, timeoutMs: 240_000 });
  }, 300_000);

  test.each(names)('%s', (name) => {
    expect(results.get(name)).toEqual({ outcome: 'passed', text: '' });
  });

  test('no test ran that is not listed here', () => {
    expect([...results.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });
});
