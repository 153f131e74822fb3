INSERT INTO api_keys VALUES ('ak1', 'o1', 'the importer', '["read"]', x'00ff', 1000, 'ann@harbor.example', 0, 0, 0);
INSERT INTO api_requests VALUES ('ak1', 'r1', x'00ff', 1000, '');
