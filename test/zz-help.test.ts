import { it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { runCli } from './cli/fake-io.ts';
it('x', async () => { let t=''; for (const c of (process.env.CMDS??'').split(',')) { const r = await runCli([...(c?c.split(' '):[])]); t+= `=== ${c} ${r.code}\n${r.stdout}[err]${r.stderr}`; } writeFileSync('/tmp/h/help.out', t); });
