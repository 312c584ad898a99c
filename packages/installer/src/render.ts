import type { RenderedKernelSpec, SpecOptions } from './types.ts';
import { renderDockerSpec } from './variants/docker.ts';
import { renderKubernetesSpec } from './variants/kubernetes.ts';
import type { RenderOptions } from './variants/render-options.ts';
import { renderSshSpec } from './variants/ssh.ts';
import { renderYarnSpec } from './variants/yarn.ts';

/**
 * A kernelspec for the given options, in memory: every value is put in as data.
 * Errors: `INVALID_ARGUMENT` and `INVALID_PORT_RANGE` for options that cannot be used.
 */
export function renderKernelSpec(options: SpecOptions, render: RenderOptions): RenderedKernelSpec {
  const rendered = renderBackend(options, render);
  const language = options.language ?? 'Python';
  if (options.kernelClass === undefined || language === 'Python') return rendered;
  const warning = `the kernel class has no effect: it is for Python, not for ${language}`;
  return { ...rendered, warnings: [...rendered.warnings, warning] };
}

function renderBackend(options: SpecOptions, render: RenderOptions): RenderedKernelSpec {
  switch (options.backend) {
    case 'docker':
      return renderDockerSpec(options, render);
    case 'k8s':
      return renderKubernetesSpec(options, render);
    case 'yarn':
      return renderYarnSpec(options, render);
    case 'ssh':
      return renderSshSpec(options, render);
  }
}
