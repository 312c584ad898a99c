import { test } from '@jest/globals';
import { runNotebookInContainer } from '../clients/notebook-in-container.ts';
import { dockerKernels } from './container-kernels.ts';

test('JupyterLab, through the gateway, runs a notebook on a kernel in a Docker container', async () => {
  await runNotebookInContainer(() => dockerKernels({ python3: { image_name: 'gp-test/kernel-py' } }));
}, 300_000);
