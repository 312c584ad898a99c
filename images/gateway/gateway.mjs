// Settings of the gateway in its image: the token from a secret of the engine, where there is one. All else comes from
// GP_* variables. Mount another file here to have more.
import { readFile } from 'node:fs/promises';

const secret = '/run/secrets/gateway_token';

export default async function settings() {
  let token;
  try {
    token = (await readFile(secret, 'utf8')).trim();
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw error;
  }
  if (token === '') throw new Error(`${secret} is empty: put the token of the gateway into it`);
  return { token };
}
