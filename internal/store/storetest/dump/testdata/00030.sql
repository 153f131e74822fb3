INSERT INTO account_requests VALUES ('ar1', '', 'Mill Works', 'ann@mill.example', 'Ann', 'please', 'invalid', 'there is no such subscription', 1, 2, 'i-1', '');
