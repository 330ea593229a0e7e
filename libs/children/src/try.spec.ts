import { startPostgres } from './postgres';
test('x', async () => {
  for (const folder of ['/tmp/pgt2/pg', '/tmp/pgt/priv/p2']) {
  let b = Date.now();
  const a = await startPostgres({ folder });
  console.log(Date.now() - b, a.url, a.pid);
  b = Date.now();
  await a.kill();
  console.log('killed', Date.now() - b);
  b = Date.now();
  const c = await startPostgres({ folder });
  console.log(Date.now() - b, c.url, c.lastLines().join('\n'));
  b = Date.now();
  await c.stop();
  console.log('stopped', Date.now() - b);
  }
});
