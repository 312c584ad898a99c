/** The least that answers `GET /api`: what a server would take that has nothing else to do. Prints its URL. */
import { createServer } from 'node:http';

const body = JSON.stringify({ version: '0' });
const server = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(body);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}`);
});
