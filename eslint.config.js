import tseslint from 'typescript-eslint';
import importX from 'eslint-plugin-import-x';

// What each room may import of ours (design section 5). A room not listed in its own row is out of bounds.
const rooms = {
  api: [],
  guest: ['api'],
  policy: ['api'],
  runtime: [],
  kube: ['api', 'runtime'],
  certs: ['api', 'runtime', 'kube'],
  webhooks: ['api', 'guest', 'policy', 'runtime', 'kube', 'certs'],
  'scheduler-plugin': ['api', 'guest', 'policy', 'runtime', 'kube', 'certs'],
  controllers: ['api', 'guest', 'policy', 'runtime', 'kube'],
  agent: ['api', 'guest', 'runtime', 'kube'],
  cli: ['api', 'guest', 'policy', 'webhooks', 'runtime', 'kube'],
};
const all = [...Object.keys(rooms), 'dev', 'test', 'bench'];
const pureRooms = ['api', 'guest', 'policy'];

const roomRule = ([room, allowed]) => ({
  files: [`${room}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          ...all
            .filter((other) => other !== room && !allowed.includes(other))
            .map((other) => ({ regex: `^(\\.\\./)+${other}/`, message: `${room}/ may not import ${other}/ (design section 5)` })),
          ...(pureRooms.includes(room)
            ? [{ regex: '^node:', message: `${room}/ is pure: no I/O, clock, environment or randomness` }]
            : []),
          ...(room === 'kube'
            ? []
            : [{ regex: '^@kubernetes/client-node$', allowTypeImports: true, message: 'only kube/ talks to the API server' }]),
        ],
      },
    ],
  },
});

const noTime = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'take a Clock argument (runtime/clock.ts)' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'take a Clock argument (runtime/clock.ts)' },
  { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'take randomness as an argument' },
  { selector: 'CallExpression[callee.name=/^(setTimeout|setInterval)$/]', message: 'take a Clock argument (runtime/clock.ts)' },
];
const noEnv = [
  {
    selector: "MemberExpression[object.name='process'][property.name='env']",
    message: 'the environment is read in runtime/config.ts only',
  },
];
const shape = [
  { selector: 'ExportDefaultDeclaration', message: 'named exports only' },
  { selector: 'TSEnumDeclaration', message: 'a union of string literals instead of an enum' },
];

export default tseslint.config(
  { ignores: ['node_modules', 'dist', '.cluster', 'agent/proto/gen', 'test/fakes/proto/gen', 'webhooks/publish/gen', '**/*.js'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver': { node: { extensions: ['.ts', '.js'] } } },
    rules: {
      complexity: ['error', 10],
      'max-depth': ['error', 3],
      'max-params': ['error', 4],
      'max-lines': ['error', 300],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      'no-param-reassign': 'error',
      'import-x/no-cycle': 'error',
      'no-restricted-syntax': ['error', ...shape, ...noEnv, ...noTime],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'error',
    },
  },
  ...Object.entries(rooms).map(roomRule),
  { files: ['runtime/**/*.ts'], rules: { 'no-restricted-syntax': ['error', ...shape] } },
  { files: ['**/main.ts'], rules: { 'no-restricted-syntax': ['error', ...shape, ...noEnv], 'no-console': 'off' } },
  {
    files: ['dev/**/*.ts', 'bench/**/*.ts', 'test/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...shape],
      'no-console': 'off',
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
    },
  },
);
