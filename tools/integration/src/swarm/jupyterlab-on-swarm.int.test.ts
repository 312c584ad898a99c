import { test } from '@jest/globals';
import { runNotebookInContainer } from '../clients/notebook-in-container.ts';
import { swarmKernels } from './swarm-kernels.ts';

test('JupyterLab, through the gateway, runs a notebook on a kernel that is a service of a swarm', async () => {
  await runNotebookInContainer(() => swarmKernels({ python3: {} }));
}, 300_000);
