INSERT INTO jobs VALUES ('j1', 'o1', 'node1', 'import', 'users.csv', 'done', 3, 3, 'ann@harbor.example', 1000, 1000, 2000, '', '', 100, 1, 'sealed');
