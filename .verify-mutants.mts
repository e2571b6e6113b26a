import { execFile } from 'node:child_process'; import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'; import { tmpdir } from 'node:os'; import { join } from 'node:path'; import { promisify } from 'node:util';
import { startEmbeddedPostgres } from './src/postgres/embedded.ts'; import { rulesAndReports } from './test/mutants/rules-and-reports.ts';
const run=promisify(execFile); const ROOT=process.cwd();
const only=process.argv[2]; const guards=rulesAndReports.filter(g=>!only||g.guard.includes(only)||g.file.includes(only));
for (const g of guards) { const s=await readFile(join(ROOT,g.file),'utf8'); const n=s.split(g.find).length-1; if(n!==1) console.log('FIND', n, g.guard); }
const server=await startEmbeddedPostgres({settings:{max_connections:200}});
const folder=await mkdtemp(join(tmpdir(),'rg-mut-')); for (const p of ['src','test','rules','schema','package.json','tsconfig.json']) await cp(join(ROOT,p),join(folder,p),{recursive:true}); await symlink(join(ROOT,'node_modules'),join(folder,'node_modules'));
const passes=async({file,title}:any)=>{ const pattern='^'+title.replaceAll(/[.*+?^${}()|[\]\\]/g,'\\$&')+'$'; try { const {stdout}=await run(process.execPath,['--import','tsx','--test','--test-reporter=tap',`--test-name-pattern=${pattern}`,file],{cwd:folder,env:{...process.env,ROWGATE_TEST_SERVER_URL:server.url},timeout:120000,maxBuffer:64<<20}); if(!/^# pass [1-9]/m.test(stdout)) return 'NO TEST'; return true;} catch(e:any){ return e.stdout?.match(/error: .*/)?.[0] ?? (e.killed?'timeout':'fail'); } };
const okCache=new Map<string,any>(); let caught=0;
for (const g of guards) { const key=g.test.file+g.test.title; if(!okCache.has(key)) okCache.set(key, await passes(g.test)); const base=okCache.get(key); if(base!==true){ console.log('BASE', base, g.guard, g.test.title); continue; }
 const path=join(folder,g.file); const s=await readFile(path,'utf8'); if(s.split(g.find).length!==2) continue; await writeFile(path,s.replace(g.find,()=>g.replace)); const r=await passes(g.test); await writeFile(path,s); if(r===true||r==='NO TEST') console.log('SURVIVED',r,g.guard); else caught++; }
console.log(guards.length,'guards',caught,'caught'); await rm(folder,{recursive:true}); await server.stop();
