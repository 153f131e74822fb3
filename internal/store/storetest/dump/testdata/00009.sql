INSERT INTO devices VALUES ('d2', 'o1', 1, 1000, 1000, 's1', 'lobby', '', NULL, NULL, '2001', 'm1._CyLSUxJ-NkXZbvzcCDufMUERI1vjidbzeF_AE_9bmJYYTN_fbm-HtZ7VNyDXawEkIxuNNm-kyP16TTyIrYo4cafQYxWGFhW7V0zHZlFywUPAuqPx9ruiy6zOtWaYrpbig');
UPDATE organisations SET sip_domain = 'harbor.example' WHERE id = 'o1';
