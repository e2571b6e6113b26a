// The layers of docs/architecture.md: doors -> run -> rooms -> sql, ports -> support. `npm run check:layers` holds them.

/** The rooms in the order of a run, each with the files that later rooms may read: its nouns, never its verb. */
const ROOMS = {
  rules: ['rule', 'rule-schema', 'author-sql'],
  // The table of kinds is data to a plan: which kind makes which checks.
  // Which tables are a tenant's, and which rules cover them, is read by coverage and by the rollout; pure, of the catalogue.
  kinds: ['kind', 'index', 'fill', 'tenancy', 'covering'],
  // A check runs the steps of its plan, and the statements that they are written as.
  plan: [
    'plan',
    'fill',
    'groups',
    'step',
    'explained',
    'count-statement',
    'look-statement',
    'sample-statement',
  ],
  check: ['check-result'],
  // A migration's demands are rules that nobody wrote, asked by the ordinary planner.
  migrations: ['migration'],
  // What its ledger says of a run is what reports are about.
  backfill: ['backfill-run', 'run-details'],
  rollout: ['phase'],
  report: ['report'],
};

/** Nouns of a later room that a room may read all the same. */
const FORWARD = {
  // A kind makes checks, and Check is the plan's noun.
  kinds: ['plan/plan', 'plan/fill'],
};

const names = Object.keys(ROOMS);
const anyOf = (parts) => `(${parts.join('|')})`;
const IN_A_ROOM = `^src/${anyOf(names)}/`;
const A_DOOR = '^src/(action|action-post|publish-action|cli)\\.ts$';
/** One file a command, each a part of the door cli.ts. */
const A_COMMAND = '^src/commands/';
/** A mode of the Action that is more than a check; a part of the door action.ts. */
const A_MODE = '^src/actions/';

function roomRule(room, order) {
  const earlier = names.slice(0, order).flatMap((name) => ROOMS[name].map((noun) => `${name}/${noun}`));
  const readable = [...earlier, ...(FORWARD[room] ?? [])];
  return {
    name: `${room}-reads-nouns-of-earlier-rooms`,
    comment:
      'A room that calls another room cannot be understood, or tested, alone; what passes between them is data.',
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: {
      path: `^src/${anyOf(names.filter((name) => name !== room))}/`,
      ...(readable.length > 0 ? { pathNot: `^src/${anyOf(readable)}\\.ts$` } : {}),
    },
  };
}

function onlyFrom(name, comment, importers, to) {
  return { name, comment, severity: 'error', from: { path: '^src/', pathNot: importers }, to: { path: to } };
}

module.exports = {
  forbidden: [
    ...names.map(roomRule),
    {
      name: 'no-circles',
      comment: 'Files in a circle are one file; and which of them loads first is an accident.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that nothing imports is dead, or a door; and the doors import.',
      severity: 'error',
      from: { orphan: true },
      to: {},
    },
    {
      name: 'support-stands-on-nothing',
      comment: 'Everything stands on support.',
      severity: 'error',
      from: { path: '^src/support/' },
      to: { path: '^src/', pathNot: '^src/support/' },
    },
    {
      name: 'sql-knows-no-server',
      comment: 'SQL is data here: it is written, checked and tested without a server.',
      severity: 'error',
      from: { path: '^src/sql/' },
      to: { path: '^src/', pathNot: '^src/(sql|support)/' },
    },
    {
      name: 'ports-know-no-rooms',
      comment:
        'What reaches the world does not know what it is asked for; else no other adapter could take its place.',
      severity: 'error',
      from: { path: '^src/(postgres|github)/' },
      to: { path: '^src/', pathNot: '^src/($1|sql|support)/' },
    },
    {
      name: 'rooms-know-no-doors',
      comment: 'Rooms are handed what they need; options, run and the doors are above them.',
      severity: 'error',
      from: { path: IN_A_ROOM },
      to: { path: '^src/([^/]+\\.ts$|demo/|commands/|actions/)' },
    },
    {
      name: 'nothing-imports-a-door',
      comment: 'A door runs the program when it is loaded.',
      severity: 'error',
      from: {},
      to: { path: A_DOOR },
    },
    {
      name: 'only-doors-run',
      comment: 'run.ts is the whole program; the demo is a door to it with a database of its own.',
      severity: 'error',
      from: { path: '^src/', pathNot: [A_DOOR, A_COMMAND, A_MODE, '^src/demo/'] },
      to: { path: '^src/run(-backfill)?\\.ts$' },
    },
    onlyFrom(
      'one-window-to-the-runner',
      'Workflow commands are made, and escaped, in one place.',
      '^src/github/runner\\.ts$',
      'node_modules/@actions/core/',
    ),
    onlyFrom(
      'one-window-to-github',
      'Limits, paging and retries of the GitHub API are kept in one place.',
      '^src/github/octokit\\.ts$',
      'node_modules/@actions/github/',
    ),
    onlyFrom(
      'one-window-to-postgres',
      'Both drivers are behind one port, and one suite of tests says that they are the same.',
      '^src/postgres/drivers/',
      'node_modules/(pg|pg-[^/]+|postgres)/',
    ),
    onlyFrom(
      'files-have-few-hands',
      'The report is written by publish.ts, a rules pack by write-pack.ts, and the rest by the doors. The others read: rules, certificates, passwords, the event of a \
run, the place of a worker; and the embedded server keeps to a temporary folder.',
      [
        A_DOOR,
        '^src/report/(publish|report-file)\\.ts$',
        '^src/rollout/write-pack\\.ts$',
        '^src/rules/(load-rules|rule-files|folder-files)\\.ts$',
        '^src/postgres/(tls|password-file|service-file|embedded|embedded-binaries|drivers/postgres)\\.ts$',
        '^src/github/runner\\.ts$',
      ],
      '^(node:)?fs(/promises)?$',
    ),
    onlyFrom(
      'only-the-embedded-server-starts-processes',
      'The gate itself runs with credentials; it has no reason to start a program.',
      '^src/postgres/embedded',
      '^(node:)?child_process$',
    ),
    {
      name: 'no-tests-in-the-program',
      comment: 'Tests and scripts are not shipped.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|bench)/' },
    },
    {
      name: 'no-development-packages-in-the-program',
      comment: 'They are not there where the program runs. Their types are gone by then.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'every-import-resolves',
      comment: 'What is not there fails when it is loaded, which may be late.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
