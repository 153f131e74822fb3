INSERT INTO federation_providers VALUES ('fp1', 'o1', 'corporate', 1, 0, 'sealed');
INSERT INTO federation_domains VALUES ('harbor.example', 'fp1');
INSERT INTO federation_uses VALUES (x'0102', 1);
INSERT INTO federation_policies VALUES ('o1', 1, '{"force":false}');
