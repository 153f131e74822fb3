INSERT INTO numbers VALUES ('n2', 'o1', 1, 1000, 1000, 's1', '+16175550112', NULL, 'l1', 1, '{"state":"sent","function":"I","cycle":1}');
UPDATE organisations SET psali = '{}' WHERE id = 'o1';
INSERT INTO ali_files VALUES ('o1', 1, 1000, 'ann@harbor.example', 1, 'd', 'UHL');
