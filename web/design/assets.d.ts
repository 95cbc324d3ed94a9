/** What the bundler gives for files that are no modules. */
declare module '*.css';
