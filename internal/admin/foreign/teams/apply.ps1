# Brings the places and network elements of these files into Microsoft Teams.
# Needs the module MicrosoftTeams and Connect-MicrosoftTeams before it.
#   .\apply.ps1            does it
#   .\apply.ps1 -WhatIf    only says what it would do
# It may be run again: what is there already, by callbox-ids.csv, is not made
# twice. Afterwards callbox-ids.csv has the ids that Teams gave: keep it with the
# files, and give it with the next import into Callbox, which then finds its own
# keys again.
[CmdletBinding(SupportsShouldProcess)]
param([string]$Dir = $PSScriptRoot)
$ErrorActionPreference = 'Stop'

function Read-Table($name) {
    $path = Join-Path $Dir $name
    if (Test-Path $path) { @(Import-Csv -Path $path -Encoding UTF8) } else { @() }
}

function Select-Filled($row, [string[]]$names) {
    $filled = @{}
    foreach ($n in $names) { if ($row.$n) { $filled[$n] = $row.$n -replace "^'(?=[=+@-])", '' } }
    $filled
}

# Ids of the files by those of Teams.
$map = @{}
$there = @{}
foreach ($a in @(Get-CsOnlineLisCivicAddress)) { $there[[string]$a.CivicAddressId] = $true }
foreach ($l in @(Get-CsOnlineLisLocation)) { $there[[string]$l.LocationId] = $true }

$address = 'HouseNumber', 'HouseNumberSuffix', 'PreDirectional', 'StreetName', 'StreetSuffix', 'PostDirectional', 'City', 'StateOrProvince', 'PostalCode', 'CountryOrRegion', 'Description', 'CompanyName', 'Latitude', 'Longitude'
foreach ($row in Read-Table '1-civic-addresses.csv') {
    $id = $row.CivicAddressId
    if ($there[$id]) { $map[$id] = $id; continue }
    $arguments = Select-Filled $row $address
    if ($PSCmdlet.ShouldProcess($row.Description, 'New-CsOnlineLisCivicAddress')) {
        $made = New-CsOnlineLisCivicAddress @arguments
        $map[$id] = [string]$made.CivicAddressId
    }
}
foreach ($row in Read-Table '2-locations.csv') {
    $id = $row.LocationId
    if ($there[$id]) { $map[$id] = $id; continue }
    if (-not $map[$row.CivicAddressId]) { continue }
    if (-not $row.Location) {
        # Each address has one location without a text, which Teams made itself.
        $map[$id] = [string](Get-CsOnlineLisCivicAddress -CivicAddressId $map[$row.CivicAddressId]).DefaultLocationId
        continue
    }
    $arguments = Select-Filled $row @('Location', 'Elin')
    if ($PSCmdlet.ShouldProcess($row.Location, 'New-CsOnlineLisLocation')) {
        $made = New-CsOnlineLisLocation -CivicAddressId $map[$row.CivicAddressId] @arguments
        $map[$id] = [string]$made.LocationId
    }
}
foreach ($row in Read-Table '3-subnets.csv') {
    $at = $map[$row.LocationId]
    if ($at -and $PSCmdlet.ShouldProcess($row.Subnet, 'Set-CsOnlineLisSubnet')) { Set-CsOnlineLisSubnet -Subnet $row.Subnet -LocationId $at | Out-Null }
}
foreach ($row in Read-Table '3-switches.csv') {
    $at = $map[$row.LocationId]
    if ($at -and $PSCmdlet.ShouldProcess($row.ChassisID, 'Set-CsOnlineLisSwitch')) { Set-CsOnlineLisSwitch -ChassisID $row.ChassisID -LocationId $at | Out-Null }
}
foreach ($row in Read-Table '3-ports.csv') {
    $at = $map[$row.LocationId]
    if ($at -and $PSCmdlet.ShouldProcess("$($row.ChassisID) $($row.PortID)", 'Set-CsOnlineLisPort')) { Set-CsOnlineLisPort -ChassisID $row.ChassisID -PortID $row.PortID -LocationId $at | Out-Null }
}
foreach ($row in Read-Table '3-wireless-access-points.csv') {
    $at = $map[$row.LocationId]
    if ($at -and $PSCmdlet.ShouldProcess($row.BSSID, 'Set-CsOnlineLisWirelessAccessPoint')) { Set-CsOnlineLisWirelessAccessPoint -BSSID $row.BSSID -LocationId $at | Out-Null }
}
if (-not $WhatIfPreference) {
    $ids = Read-Table 'callbox-ids.csv'
    foreach ($row in $ids) { if ($map[$row.TeamsId]) { $row.TeamsId = $map[$row.TeamsId] } }
    foreach ($file in '1-civic-addresses.csv', '2-locations.csv', '3-subnets.csv', '3-switches.csv', '3-ports.csv', '3-wireless-access-points.csv') {
        $rows = Read-Table $file
        foreach ($row in $rows) {
            foreach ($column in 'CivicAddressId', 'LocationId') { if ($row.$column -and $map[$row.$column]) { $row.$column = $map[$row.$column] } }
        }
        if ($rows) { $rows | Export-Csv -Path (Join-Path $Dir $file) -NoTypeInformation -Encoding UTF8 }
    }
    if ($ids) { $ids | Export-Csv -Path (Join-Path $Dir 'callbox-ids.csv') -NoTypeInformation -Encoding UTF8 }
}
